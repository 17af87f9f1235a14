"""Shapes of other services, most of which no table names: what the general rules read in them."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from multidict import CIMultiDict

from sora_async import InvalidResponseError, Phase, ResponseError, SoraError, VideoTask
from sora_async._wire.call_decoders import decode_created
from sora_async._wire.response import Response, decode_response
from sora_async.testing import make_video

ID = "task_abc123"
LINK = "https://cdn.x.example/v/abc123"
VIDEO = f"{LINK}.mp4"
BASE64 = base64.b64encode(make_video(600)).decode()

SHAPES = [
    pytest.param(
        {
            "id": ID,
            "version": "v",
            "status": "succeeded",
            "input": {"image": "https://i.example/in.mp4", "prompt": "p"},
            "output": VIDEO,
            "urls": {
                "get": "https://api.replicate.com/v1/predictions/x",
                "cancel": "https://api.replicate.com/c",
                "stream": "https://stream",
            },
            "error": None,
            "metrics": {"predict_time": 2},
        },
        Phase.SUCCEEDED,
        VIDEO,
        None,
        id="replicate ok",
    ),
    pytest.param(
        {
            "id": ID,
            "status": "processing",
            "input": {"video": VIDEO},
            "output": None,
            "urls": {"get": "https://api.replicate.com/v1/predictions/x"},
        },
        Phase.RUNNING,
        None,
        None,
        id="replicate running",
    ),
    pytest.param(
        {"id": ID, "status": "SUCCEEDED", "createdAt": "2026-01-01T00:00:00Z", "output": [VIDEO]},
        Phase.SUCCEEDED,
        VIDEO,
        None,
        id="runway ok",
    ),
    pytest.param(
        {
            "id": ID,
            "status": "FAILED",
            "failure": "An unexpected error occurred.",
            "failureCode": "INTERNAL.BAD_OUTPUT.CODE01",
        },
        Phase.FAILED,
        None,
        "INTERNAL.BAD_OUTPUT.CODE01: An unexpected error occurred.",
        id="runway fail",
    ),
    pytest.param(
        {
            "id": ID,
            "state": "completed",
            "failure_reason": None,
            "assets": {
                "image": "https://i/x.jpg",
                "video": VIDEO,
                "progress_video": "https://i/p.mp4",
            },
            "request": {
                "keyframes": {"frame0": {"url": "https://in/f.jpg"}},
                "callback_url": "https://cb",
            },
        },
        Phase.SUCCEEDED,
        VIDEO,
        None,
        id="luma ok",
    ),
    pytest.param(
        {"id": ID, "state": "dreaming", "assets": None},
        Phase.RUNNING,
        None,
        None,
        id="luma dreaming",
    ),
    pytest.param(
        {
            "id": ID,
            "state": "success",
            "err_code": "",
            "credits": 4,
            "creations": [{"id": "c", "url": VIDEO, "cover_url": "https://c/c.jpg"}],
        },
        Phase.SUCCEEDED,
        VIDEO,
        None,
        id="vidu",
    ),
    pytest.param(
        {"id": ID, "state": "failed", "err_code": "TaskPromptPolicyViolation", "creations": []},
        Phase.FAILED,
        None,
        "TaskPromptPolicyViolation",
        id="vidu failed",
    ),
    pytest.param(
        {
            "ErrCode": 0,
            "ErrMsg": "Success",
            "Resp": {"id": 123, "status": 1, "url": VIDEO, "prompt": "p"},
        },
        Phase.SUCCEEDED,
        VIDEO,
        None,
        id="pixverse ok",
    ),
    pytest.param(
        {
            "ErrCode": 0,
            "ErrMsg": "Success",
            "Resp": {"id": 123, "status": 5, "url": "", "prompt": "p"},
        },
        Phase.RUNNING,
        None,
        None,
        id="pixverse run",
    ),
    pytest.param(
        {"ErrCode": 0, "ErrMsg": "Success", "Resp": {"id": 123, "status": 7, "url": ""}},
        Phase.FAILED,
        None,
        "no reason given",
        id="pixverse modfail",
    ),
    pytest.param(
        {"ErrCode": 400013, "ErrMsg": "invalid", "Resp": None},
        ResponseError,
        None,
        "400013",
        id="pixverse err",
    ),
    pytest.param(
        {
            "model": "cogvideox",
            "request_id": "r",
            "task_status": "SUCCESS",
            "video_result": [{"url": VIDEO, "cover_image_url": "https://c/c.jpg"}],
        },
        Phase.SUCCEEDED,
        VIDEO,
        None,
        id="zhipu ok",
    ),
    pytest.param(
        {"model": "cogvideox", "request_id": "r", "task_status": "PROCESSING"},
        Phase.RUNNING,
        None,
        None,
        id="zhipu run",
    ),
    pytest.param(
        {
            "status": "Succeed",
            "reason": "",
            "results": {"videos": [{"url": VIDEO}], "timings": {"inference": 1}, "seed": 1},
        },
        Phase.SUCCEEDED,
        VIDEO,
        None,
        id="siliconflow",
    ),
    pytest.param(
        {"status": "InProgress", "reason": "", "results": {"videos": []}},
        Phase.RUNNING,
        None,
        None,
        id="siliconflow inprogress",
    ),
    pytest.param(
        {"status": "InQueue", "position": 2}, Phase.QUEUED, None, None, id="siliconflow inqueue"
    ),
    pytest.param(
        {
            "Response": {
                "Status": "DONE",
                "ErrorCode": "",
                "ErrorMessage": "",
                "ResultVideoUrl": VIDEO,
                "RequestId": "r",
            }
        },
        Phase.SUCCEEDED,
        VIDEO,
        None,
        id="tencent",
    ),
    pytest.param(
        {
            "Response": {
                "Status": "RUN",
                "ErrorCode": "",
                "ErrorMessage": "",
                "ResultVideoUrl": "",
                "RequestId": "r",
            }
        },
        Phase.RUNNING,
        None,
        None,
        id="tencent run",
    ),
    pytest.param(
        {
            "Response": {
                "Status": "FAIL",
                "ErrorCode": "FailedOperation",
                "ErrorMessage": "inner error",
                "RequestId": "r",
            }
        },
        Phase.FAILED,
        None,
        "FailedOperation: inner error",
        id="tencent fail",
    ),
    pytest.param(
        {
            "task": {
                "task_id": ID,
                "task_type": "WAN",
                "status": "TASK_STATUS_SUCCEED",
                "reason": "",
                "eta": 0,
                "progress_percent": 100,
            },
            "images": [],
            "videos": [{"video_url": VIDEO, "video_url_ttl": "3600", "video_type": "mp4"}],
        },
        Phase.SUCCEEDED,
        VIDEO,
        None,
        id="novita",
    ),
    pytest.param(
        {
            "task": {
                "task_id": ID,
                "status": "TASK_STATUS_PROCESSING",
                "reason": "",
                "eta": 20,
                "progress_percent": 40,
            },
            "videos": [],
        },
        Phase.RUNNING,
        None,
        None,
        id="novita proc",
    ),
    pytest.param(
        {
            "task": {"task_id": ID, "status": "TASK_STATUS_FAILED", "reason": "NSFW detected"},
            "videos": [],
        },
        Phase.FAILED,
        None,
        "NSFW detected",
        id="novita fail",
    ),
    pytest.param(
        {
            "id": ID,
            "object": "video",
            "status": "completed",
            "outputs": {"cost": 0.8, "video_url": VIDEO},
        },
        Phase.SUCCEEDED,
        VIDEO,
        None,
        id="together",
    ),
    pytest.param(
        {
            "code": 100,
            "data": {
                "id": ID,
                "status": "completed",
                "video_url": VIDEO,
                "thumbnail_url": "https://t/t.jpg",
                "gif_url": "https://g/g.gif",
                "error": None,
            },
            "message": "Success",
        },
        Phase.SUCCEEDED,
        VIDEO,
        None,
        id="heygen",
    ),
    pytest.param(
        {
            "id": ID,
            "status": "done",
            "result_url": VIDEO,
            "source_url": "https://s/in.jpg",
            "audio_url": "https://a/a.wav",
        },
        Phase.SUCCEEDED,
        VIDEO,
        None,
        id="d-id",
    ),
    pytest.param(
        {
            "id": ID,
            "status": "rejected",
            "error": {"kind": "ModerationError", "description": "Celebrities are not allowed"},
        },
        Phase.FAILED,
        None,
        "ModerationError: Celebrities are not allowed",
        id="d-id rejected",
    ),
    pytest.param(
        {
            "id": ID,
            "status": "COMPLETED",
            "delayTime": 1,
            "executionTime": 2,
            "output": {"video_url": VIDEO},
        },
        Phase.SUCCEEDED,
        VIDEO,
        None,
        id="runpod",
    ),
    pytest.param(
        {"id": ID, "status": "TIMED_OUT"},
        Phase.FAILED,
        None,
        "no reason given",
        id="runpod timeout",
    ),
    pytest.param(
        {"id": ID, "status": "COMPLETED", "output": {"video": BASE64}},
        Phase.SUCCEEDED,
        f"data:video/mp4;base64,{BASE64}",
        None,
        id="runpod b64",
    ),
    pytest.param(
        {"video": BASE64, "finish_reason": "SUCCESS", "seed": 1},
        Phase.SUCCEEDED,
        f"data:video/mp4;base64,{BASE64}",
        None,
        id="stability",
    ),
    pytest.param(
        {
            "name": "projects/p/operations/x",
            "done": True,
            "response": {"videos": [{"bytesBase64Encoded": BASE64, "mimeType": "video/mp4"}]},
        },
        Phase.SUCCEEDED,
        f"data:video/mp4;base64,{BASE64}",
        None,
        id="vertex",
    ),
    pytest.param(
        {
            "name": "projects/p/operations/x",
            "done": True,
            "response": {"videos": [{"gcsUri": "gs://b/x.mp4"}]},
        },
        Phase.SUCCEEDED,
        None,
        None,
        id="vertex gcs",
    ),
    pytest.param(
        {
            "invocationArn": "arn:x",
            "status": "InProgress",
            "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": "s3://b"}},
        },
        Phase.RUNNING,
        None,
        None,
        id="bedrock",
    ),
    pytest.param(
        {"invocationArn": "arn:x", "status": "Failed", "failureMessage": "content blocked"},
        Phase.FAILED,
        None,
        "content blocked",
        id="bedrock fail",
    ),
    pytest.param(
        {
            "id": ID,
            "asset_id": "a",
            "type": "video",
            "status": "complete",
            "progress": 1.0,
            "eta_sec": 0,
            "url": VIDEO,
            "download_url": LINK,
            "error_message": None,
        },
        Phase.SUCCEEDED,
        VIDEO,
        None,
        id="hedra",
    ),
    pytest.param(
        {"id": ID, "status": "error", "progress": 0.4, "error_message": "audio too long"},
        Phase.FAILED,
        None,
        "audio too long",
        id="hedra err",
    ),
    pytest.param(
        {
            "status": "nsfw",
            "request_id": ID,
            "status_url": "https://a/s",
            "cancel_url": "https://a/c",
        },
        Phase.FAILED,
        None,
        "no reason given",
        id="higgs nsfw",
    ),
    pytest.param(
        {
            "status": "completed",
            "request_id": ID,
            "status_url": "https://a/s",
            "cancel_url": "https://a/c",
            "video": {"url": LINK},
        },
        Phase.SUCCEEDED,
        LINK,
        None,
        id="higgs ok",
    ),
    pytest.param(
        {
            "job_id": ID,
            "status": "completed",
            "created_at": "2026-01-01T00:00:00Z",
            "result": {"urls": [VIDEO]},
        },
        Phase.SUCCEEDED,
        VIDEO,
        None,
        id="krea",
    ),
    pytest.param(
        {"job_id": ID, "status": "intermediate-complete", "result": {"urls": [VIDEO]}},
        Phase.RUNNING,
        None,
        None,
        id="krea intermediate",
    ),
    pytest.param(
        {
            "id": ID,
            "status": "complete",
            "downloads": [{"url": VIDEO, "expires_at": "2026-01-01T00:00:00Z"}],
            "error": None,
            "credits_charged": 450,
        },
        Phase.SUCCEEDED,
        VIDEO,
        None,
        id="magichour",
    ),
    pytest.param(
        {
            "taskId": ID,
            "generations": [
                {
                    "id": "g",
                    "createdDate": "2026",
                    "status": "succeed",
                    "failMsg": "",
                    "url": VIDEO,
                    "mediaType": "video",
                }
            ],
        },
        Phase.SUCCEEDED,
        VIDEO,
        None,
        id="pollo",
    ),
    pytest.param(
        {
            "taskId": ID,
            "generations": [{"id": "g", "status": "processing", "failMsg": "", "url": ""}],
        },
        Phase.RUNNING,
        None,
        None,
        id="pollo proc",
    ),
    pytest.param(
        {
            "generations_by_pk": {
                "id": ID,
                "status": "COMPLETE",
                "generated_images": [{"url": "https://i/i.jpg", "motionMP4URL": VIDEO}],
            }
        },
        Phase.SUCCEEDED,
        VIDEO,
        None,
        id="leonardo",
    ),
    pytest.param(
        {
            "data": [
                {
                    "taskType": "videoInference",
                    "taskUUID": ID,
                    "status": "success",
                    "videoUUID": "v",
                    "videoURL": VIDEO,
                    "cost": 0.1,
                }
            ]
        },
        Phase.SUCCEEDED,
        VIDEO,
        None,
        id="runware",
    ),
    pytest.param(
        {"data": [{"taskType": "videoInference", "taskUUID": ID, "status": "processing"}]},
        Phase.RUNNING,
        None,
        None,
        id="runware proc",
    ),
    pytest.param(
        {"errors": [{"code": "invalidModel", "message": "Bad model", "taskUUID": ID}]},
        ResponseError,
        None,
        "invalidModel",
        id="runware err",
    ),
    pytest.param(
        {
            "success": True,
            "message": "OK",
            "response": {
                "status": "done",
                "id": ID,
                "url": VIDEO,
                "poster": "https://p/p.jpg",
                "thumbnail": "https://t",
            },
        },
        Phase.SUCCEEDED,
        VIDEO,
        None,
        id="shotstack",
    ),
    pytest.param(
        {
            "success": True,
            "message": "OK",
            "response": {"status": "rendering", "id": ID, "url": None, "error": ""},
        },
        Phase.RUNNING,
        None,
        None,
        id="shotstack render",
    ),
    pytest.param(
        {
            "success": True,
            "movie": {"status": "done", "url": VIDEO, "ass": "https://a/x.ass"},
            "remaining_quota": {"time": 1},
        },
        Phase.SUCCEEDED,
        VIDEO,
        None,
        id="json2video",
    ),
    pytest.param(
        {
            "code": 200,
            "data": {
                "task_id": ID,
                "model": "kling",
                "task_type": "video_generation",
                "status": "completed",
                "input": {"image_url": "https://in/i.png"},
                "output": {
                    "type": "m2v",
                    "status": 99,
                    "works": [
                        {
                            "status": 99,
                            "type": "m2v",
                            "cover": {"resource": "https://c/c.png"},
                            "video": {
                                "resource": VIDEO,
                                "resource_without_watermark": "https://w/nw.mp4",
                            },
                        }
                    ],
                },
                "meta": {"usage": {}},
                "error": {"code": 0, "message": ""},
            },
            "message": "success",
        },
        Phase.SUCCEEDED,
        VIDEO,
        None,
        id="piapi",
    ),
    pytest.param(
        {
            "id": ID,
            "action": "VIDEO",
            "status": "SUCCESS",
            "progress": "100%",
            "imageUrl": "https://i/i.webp",
            "videoUrl": VIDEO,
            "videoUrls": [{"url": VIDEO}, {"url": "https://cdn.x.example/v/abc1232.mp4"}],
        },
        Phase.SUCCEEDED,
        VIDEO,
        None,
        id="mj",
    ),
    pytest.param(
        {
            "code": 200,
            "message": "success",
            "data": {
                "id": ID,
                "model": "m",
                "outputs": [VIDEO],
                "urls": {"get": "https://api.w/p/x/result"},
                "has_nsfw_contents": [False],
                "status": "completed",
                "error": "",
                "timings": {"inference": 1},
            },
        },
        Phase.SUCCEEDED,
        VIDEO,
        None,
        id="wavespeed",
    ),
    pytest.param(
        {
            "code": 200,
            "data": {
                "id": ID,
                "outputs": [],
                "urls": {"get": "https://api.w/api/v3/predictions/x/result"},
                "status": "processing",
                "error": "",
            },
        },
        Phase.RUNNING,
        None,
        None,
        id="wavespeed proc",
    ),
    pytest.param(
        {
            "id": ID,
            "status": "completed",
            "video": {"url": VIDEO},
            "duration": 5,
            "error": None,
            "meta": {"usage": {"credits_used": 120000}},
        },
        Phase.SUCCEEDED,
        VIDEO,
        None,
        id="aiml",
    ),
    pytest.param(
        {"id": ID, "status": "error", "error": {"name": "Error", "message": "bad"}},
        Phase.FAILED,
        None,
        "bad",
        id="aiml err",
    ),
    pytest.param(
        {
            "code": "200",
            "message": "Success",
            "result": {
                "taskId": ID,
                "status": "success",
                "errorMsg": None,
                "finishedVideoUrl": VIDEO,
            },
        },
        Phase.SUCCEEDED,
        VIDEO,
        None,
        id="topview",
    ),
    pytest.param(
        {
            "code": 10000,
            "data": {
                "status": "done",
                "video_url": VIDEO,
                "binary_data_base64": [],
                "resp_data": "",
            },
            "message": "Success",
            "request_id": "r",
            "status": 10000,
            "time_elapsed": "1s",
        },
        Phase.SUCCEEDED,
        VIDEO,
        None,
        id="jimeng",
    ),
    pytest.param(
        {
            "code": 10000,
            "data": {"status": "generating", "video_url": ""},
            "message": "Success",
            "status": 10000,
        },
        Phase.RUNNING,
        None,
        None,
        id="jimeng gen",
    ),
    pytest.param(
        {"code": 50411, "message": "Pre Img Risk Not Pass", "data": None, "request_id": "r"},
        ResponseError,
        None,
        "50411",
        id="jimeng err",
    ),
    pytest.param(
        {
            "code": 200,
            "data": {
                "id": ID,
                "status": "completed",
                "progress": 100,
                "result": {"videos": [{"url": [VIDEO], "expires_at": 1}]},
            },
        },
        Phase.SUCCEEDED,
        VIDEO,
        None,
        id="apimart",
    ),
    pytest.param(
        {
            "id": ID,
            "object": "generation.task",
            "status": "completed",
            "result": {"type": "video", "data": [{"url": VIDEO, "format": "mp4"}]},
        },
        Phase.SUCCEEDED,
        VIDEO,
        None,
        id="toapis",
    ),
    pytest.param(
        {"id": ID, "status": "completed", "video_url": "/files/a.mp4"},
        Phase.SUCCEEDED,
        "https://api.x.example/files/a.mp4",
        None,
        id="relative",
    ),
    pytest.param(
        {"id": ID, "status": "completed", "artifacts": [{"download_url": "/dl/a"}]},
        Phase.SUCCEEDED,
        "https://api.x.example/dl/a",
        None,
        id="relative generic",
    ),
    pytest.param(
        {"id": ID, "status": "completed", "file_path": "/app/outputs/a.mp4"},
        Phase.SUCCEEDED,
        None,
        None,
        id="local path",
    ),
    pytest.param(
        {"id": ID, "status": "halted", "error": {"code": "E1", "message": "stopped by policy"}},
        Phase.FAILED,
        None,
        "E1: stopped by policy",
        id="halted err",
    ),
    pytest.param(
        {"id": ID, "status": "polishing", "error": None},
        Phase.RUNNING,
        None,
        None,
        id="weird no err",
    ),
    pytest.param(
        {"id": ID, "status": "polishing", "error": {"code": 0, "message": "ok"}, "error_code": 0},
        Phase.RUNNING,
        None,
        None,
        id="weird err code0",
    ),
    pytest.param(
        {
            "id": ID,
            "status": "running",
            "input_video": VIDEO,
            "callback_url": "https://me/cb",
            "thumbnail": "https://t/t.mp4",
            "reference_video": VIDEO,
            "params": {"video_url": VIDEO},
            "preview": {"url": VIDEO},
        },
        Phase.RUNNING,
        None,
        None,
        id="decoys running",
    ),
    pytest.param(
        {
            "id": ID,
            "status": "completed",
            "input": {"video_url": VIDEO},
            "webhook_url": "https://me/cb",
            "cover": "https://t/t.jpg",
            "preview_video": VIDEO,
            "docs_url": "https://d",
        },
        Phase.SUCCEEDED,
        None,
        None,
        id="decoys ended",
    ),
    pytest.param(
        {
            "id": ID,
            "status": "running",
            "payment_status": "success",
            "moderation": {"status": "completed"},
            "webhook": {"state": "failed"},
        },
        Phase.RUNNING,
        None,
        None,
        id="payment",
    ),
    pytest.param(
        {
            "id": ID,
            "progress": 40,
            "payment_status": "success",
            "moderation": {"status": "completed"},
        },
        Phase.QUEUED,
        None,
        None,
        id="payment no status",
    ),
    pytest.param(
        {
            "id": ID,
            "steps": [{"name": "a", "status": "completed"}, {"name": "b", "status": "running"}],
            "progress": 50,
        },
        Phase.QUEUED,
        None,
        None,
        id="steps",
    ),
    pytest.param(
        {"taskStatus": "FINISHED", "taskId": ID, "videoList": [{"videoUrl": VIDEO}]},
        Phase.SUCCEEDED,
        VIDEO,
        None,
        id="taskStatus",
    ),
    pytest.param(
        {"job": {"uuid": ID, "phase": "Succeeded", "artifacts": {"mp4": VIDEO}}},
        Phase.SUCCEEDED,
        VIDEO,
        None,
        id="job object",
    ),
    pytest.param(
        {"ok": True, "payload": {"id": ID, "state": "rendering", "percent": 12}},
        Phase.RUNNING,
        None,
        None,
        id="payload",
    ),
    pytest.param(
        {
            "id": ID,
            "status": "completed",
            "videos": [{"url": VIDEO}, {"url": "https://cdn.x.example/v/abc1232.mp4"}],
        },
        Phase.SUCCEEDED,
        VIDEO,
        None,
        id="two videos",
    ),
    pytest.param(
        b'event: update\ndata: {"status":"running"}\n\nevent: done\n'
        b'data: {"status":"completed","video_url":"https://cdn.x.example/v/abc123.mp4"}\n\n',
        Phase.SUCCEEDED,
        VIDEO,
        None,
        id="sse",
    ),
    pytest.param(
        '{"id":"x","status":"queued"}\n{"id":"x","status":"running","progress":30}\n'.replace(
            "VIDEO", VIDEO
        ).encode(),
        Phase.RUNNING,
        None,
        None,
        id="ndjson",
    ),
    pytest.param(
        '{"id":"x","status":"queued"}\n{"id":"x","status":"comp'.replace("VIDEO", VIDEO).encode(),
        Phase.QUEUED,
        None,
        None,
        id="ndjson cut",
    ),
    pytest.param(
        {
            "error": {
                "message": "Upstream: "
                + json.dumps({"object": "video", "status": "failed", "error": {"message": "boom"}})
            }
        },
        Phase.FAILED,
        None,
        "boom",
        id="failed http 200 nested",
    ),
    pytest.param(
        {
            "id": ID,
            "object": "video.generation.job",
            "status": "succeeded",
            "generations": [{"object": "video.generation", "id": "gen_1", "width": 480}],
            "failure_reason": None,
        },
        Phase.SUCCEEDED,
        None,
        None,
        id="azure",
    ),
    pytest.param(
        {
            "id": ID,
            "status": "completed",
            "video_url": VIDEO,
            "error": {"code": "w", "message": "watermark missing"},
        },
        Phase.SUCCEEDED,
        VIDEO,
        None,
        id="completed w warn",
    ),
    pytest.param(
        {"id": ID, "status": "success", "result": '{"video":"https://cdn.x.example/v/abc123.mp4"}'},
        Phase.SUCCEEDED,
        VIDEO,
        None,
        id="result text",
    ),
    pytest.param(
        {"id": ID, "status": "success", "result": VIDEO},
        Phase.SUCCEEDED,
        VIDEO,
        None,
        id="result url text",
    ),
    pytest.param(
        {"id": ID, "status": "complete", "download": LINK},
        Phase.SUCCEEDED,
        LINK,
        None,
        id="download",
    ),
    pytest.param(
        {
            "status": 200,
            "message": "OK",
            "data": {"id": ID, "status": "done", "file": {"uri": VIDEO}},
        },
        Phase.SUCCEEDED,
        VIDEO,
        None,
        id="status 200",
    ),
    pytest.param(
        {"id": ID, "status": "completed", "视频": VIDEO},
        Phase.SUCCEEDED,
        VIDEO,
        None,
        id="cn words",
    ),
]

CREATES = [
    pytest.param({"requestId": "r1"}, "r1", id="siliconflow"),
    pytest.param({"Response": {"JobId": "j1", "RequestId": "r"}}, "j1", id="tencent"),
    pytest.param({"error": None, "data": {"video_id": "v1"}}, "v1", id="heygen"),
    pytest.param(
        {"ErrCode": 0, "ErrMsg": "success", "Resp": {"video_id": 123, "credits": 20}},
        "123",
        id="pixverse",
    ),
    pytest.param({"task_id": "t1", "state": "created", "model": "m"}, "t1", id="vidu"),
    pytest.param({"job_id": "j1", "status": "queued"}, "j1", id="krea"),
    pytest.param({"data": [{"taskType": "v", "taskUUID": "u1"}]}, "u1", id="runware"),
    pytest.param(
        {
            "success": True,
            "message": "Created",
            "response": {"message": "Render Successfully Queued", "id": "s1"},
        },
        "s1",
        id="shotstack",
    ),
    pytest.param(
        {"invocationArn": "arn:aws:bedrock:us:1:async-invoke/x"},
        "arn:aws:bedrock:us:1:async-invoke/x",
        id="bedrock",
    ),
    pytest.param({"task_id": "n1"}, "n1", id="novita"),
    pytest.param(
        {"motionVideoGenerationJob": {"generationId": "g1", "apiCreditCost": 3}},
        "g1",
        id="leonardo",
    ),
    pytest.param(
        {"code": 200, "data": {"id": "w1", "urls": {"get": "https://x"}, "status": "created"}},
        "w1",
        id="wave",
    ),
    pytest.param({"code": 0, "msg": "ok", "data": "d1"}, "d1", id="data text"),
    pytest.param({"result": {"task": {"uuid": "u9"}}}, "u9", id="nested"),
    pytest.param(
        {"ok": True, "payload": {"generationTaskId": "g9", "userId": "u"}}, "g9", id="camel"
    ),
    pytest.param(
        {"code": 1201, "message": "bad", "request_id": "r"}, ResponseError, id="kling err"
    ),
    pytest.param({"status": "queued"}, InvalidResponseError, id="none"),
    pytest.param({}, InvalidResponseError, id="empty"),
    pytest.param({"user_id": "u", "ok": True}, InvalidResponseError, id="user"),
    pytest.param({"id": "abc/def=="}, "abc/def==", id="b64 slash"),
    pytest.param({"id": "../x"}, InvalidResponseError, id="traversal"),
    pytest.param({"project": "p1", "status": "queued"}, InvalidResponseError, id="project"),
]


def response_of(body: object, url: str) -> Response:
    return Response(
        url=url,
        status=200,
        headers=CIMultiDict(),
        body=body if isinstance(body, bytes) else json.dumps(body).encode(),
        received=datetime(2026, 11, 30, tzinfo=UTC),
    )


def read(body: object) -> VideoTask | SoraError:
    try:
        return decode_response(
            response_of(body, f"https://api.x.example/v1/videos/{ID}"), task_id=ID
        )
    except SoraError as error:
        return error


@pytest.mark.parametrize(("body", "phase", "video_url", "reason"), SHAPES)
def test_a_shape_is_read(body: object, phase: Any, video_url: str | None, reason: str) -> None:
    seen = read(body)

    if not isinstance(seen, VideoTask):
        assert (type(seen), getattr(seen, "code", None)) == (phase, reason)
        return
    assert (seen.phase, seen.video_url) == (phase, video_url)
    assert (None if seen.failure is None else str(seen.failure)) == reason


BESIDE_THE_TASK = "https://api.x.example/v1/videos/"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        *((text, text) for text in ("r.mp4?x=1", "r.MP4", "files/b.webm#t=1")),
        *(
            ("a/b.c/r.mp4?u=https://x.y/z", "a/b.c/r.mp4?u=https://x.y/z"),
            ("r%20s.mov", "r%20s.mov"),
        ),
        *((text, None) for text in ("r", "r.gif", "r.mp4/x", "?f=r.mp4", "cdn.example/r.mp4", "")),
        *((text, None) for text in ("./r.mp4", "../r.mp4", "tmp/r.mp4", "C:\\r.mp4", "c:/r.mp4")),
        *(
            (text, None)
            for text in ("~/r.mp4", "s3://b/r.mp4", "file:r.mp4", "My cat.mp4", "/tmp/r.mp4")
        ),
    ],
)
@pytest.mark.parametrize("key", ["video_url", "download_url", "output"])
def test_a_relative_path_of_a_video_counts_after_a_success(
    key: str, text: str, path: str | None
) -> None:
    going, done, elsewhere = (
        read({"id": ID, "status": status, name: text})
        for status, name in [("running", key), ("completed", key), ("completed", "preset_file")]
    )

    assert isinstance(going, VideoTask) and isinstance(done, VideoTask)
    assert isinstance(elsewhere, VideoTask)
    assert (going.phase, going.video_url) == (Phase.RUNNING, None)
    assert done.video_url == (None if path is None else BESIDE_THE_TASK + path)
    assert elsewhere.video_url is None


@pytest.mark.parametrize("text", ["v/" * 40_000 + "r.mp4", 7, ["r.mp4"] * 2])
def test_no_other_value_is_a_relative_path(text: object) -> None:
    seen = read({"id": ID, "status": "completed", "video_url": [text, text]})

    assert isinstance(seen, VideoTask)
    assert seen.video_url is None


@pytest.mark.parametrize(("body", "expected"), CREATES)
def test_the_response_to_a_create_gives_an_id_or_says_that_it_has_none(
    body: dict[str, Any], expected: Any
) -> None:
    response = response_of(body, "https://api.x.example/v1/videos")
    if isinstance(expected, str):
        task, _ = decode_created(response, secrets=(), content=None)

        assert task.id == expected
        return
    with pytest.raises(expected) as caught:
        decode_created(response, secrets=(), content=None)

    if expected is InvalidResponseError:
        assert json.loads(caught.value.body) == body
