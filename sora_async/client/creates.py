"""The calls of the front door that make something: each sent at most once."""

from collections.abc import Mapping
from typing import Any

from .._http.create import PendingCreate
from .._http.request_body import CreatePayload
from .._http.upload import FileInput, FileSource, check_source, is_address
from .._wire.call_decoders import decode_character
from .._wire.dialects import Dialect
from .._wire.request_encoder import check_fields, read_seconds
from .._wire.urls import check_task_id
from ..errors import InvalidArgumentError
from ..models import Character, VideoTask
from .arguments import check_prompt, check_text
from .asks import Asks

_NAMED = ("prompt", "model", "seconds", "size", "input_reference", "as_json")
"""The arguments of a create that are no field of a service's own."""


class Creates(Asks):
    """What a client can order."""

    _dialect: Dialect

    async def create_task(
        self,
        *,
        prompt: str,
        model: str | None = None,
        seconds: float | str | None = None,
        size: str | None = None,
        input_reference: FileInput | None = None,
        as_json: bool | None = None,
        **extra: Any,
    ) -> VideoTask:
        """
        Create a task and return its first snapshot.

        It is sent once. Only while no connection comes about, so that nothing
        can have arrived, is it tried again, up to ``max_retries`` times.
        Cancelling this call stops an order that has not left; one that has
        goes on, and the log says which task it has made.
        :meth:`create_and_wait` gives the id in any case.

        Args:
            prompt: What the video is to show.
            model: The model, as the service spells it; None for the service's choice.
            seconds: The length of the video.
            size: Such as ``"1280x720"``.
            input_reference: An image or a video to go by: a path, bytes, a file
                opened in binary, or an ``http(s)`` or ``data:`` address, where the
                server takes one. A file is read as it is sent, and its content
                type is found by how it begins.
            as_json: Whether the order goes as JSON instead of a form; a file is
                then a ``data:`` address in it. None: as the dialect does.
            extra: Any further field of the service, such as ``watermark``,
                ``style`` or ``images``. One that is None is left out.

        Raises:
            InvalidArgumentError: An argument or its file cannot be used; nothing was sent.
            CreateOutcomeUnknownError: Nobody knows whether there is a task now; look before
                you create again.
            ConnectionFailedError: There was no connection; nothing was sent.
            UnsupportedOperationError: This server creates nothing at this address.
            ResponseError: The service has refused; its class says why.
        """
        payload = self._payload(
            prompt=prompt,
            model=model,
            seconds=seconds,
            size=size,
            input_reference=input_reference,
            as_json=as_json,
            extra=extra,
        )
        return await self._resources().create(payload).result()

    def _begin(self, given: Mapping[str, Any]) -> PendingCreate[VideoTask]:
        """Begin to create a task; *given* are the arguments of :meth:`create_task`."""
        named: dict[str, Any] = {name: given.get(name) for name in _NAMED}
        extra = {name: value for name, value in given.items() if name not in _NAMED}
        return self._resources().create(self._payload(**named, extra=extra))

    async def remix_task(self, task_id: str, *, prompt: str, **extra: Any) -> VideoTask:
        """
        Make a new task of a finished one's video, and return its first snapshot.

        It is sent once, as in :meth:`create_task`, and raises the same errors.

        Args:
            task_id: The id of the finished task.
            prompt: What is to be different.
            extra: Any further field of the service.
        """
        check_task_id(task_id)
        fields = check_fields({"prompt": check_prompt(prompt), **extra})
        payload = CreatePayload(fields=fields, dialect=self._dialect, is_json=True)
        return await self._resources().remix(payload, task_id).result()

    async def create_character(self, *, name: str, video: FileInput, **extra: Any) -> Character:
        """
        Make a character from a video, to be named in prompts.

        It is sent once, as in :meth:`create_task`, and raises the same errors.

        Args:
            name: What it is to be called.
            video: A path, bytes, or a file opened in binary.
            extra: Any further field of the service.
        """
        check_source("video", video)
        if is_address(video):
            raise InvalidArgumentError("video: expected a file, got an address")
        fields = check_fields({"name": check_text("name", name), **extra})
        payload = CreatePayload(
            fields=fields,
            dialect=self._dialect,
            is_json=False,
            field="video",
            upload=FileSource("video", video),
        )
        resources = self._resources()
        pending = resources.make(
            resources.find_path("create_character_path"),
            payload,
            lambda response: decode_character(response, secrets=resources.secrets, is_new=True),
            lambda character: f"character {character.id}",
        )
        return await pending.result()

    def _payload(
        self,
        *,
        prompt: object,
        model: object,
        seconds: object,
        size: object,
        input_reference: Any,
        as_json: bool | None,
        extra: Mapping[str, Any],
    ) -> CreatePayload:
        """Return an order, all of it checked but the file, which is looked at when it is sent."""
        fields = check_fields(
            {
                "model": check_text("model", model),
                "prompt": check_prompt(prompt),
                "seconds": read_seconds(seconds),
                "size": check_text("size", size),
                **extra,
            }
        )
        address = upload = None
        if is_address(input_reference):
            address = input_reference
        elif input_reference is not None:
            check_source("input_reference", input_reference)
            upload = FileSource("input_reference", input_reference)
        payload = CreatePayload(
            fields=fields,
            dialect=self._dialect,
            is_json=self._dialect.body == "json" if as_json is None else as_json,
            upload=upload,
            address=address,
        )
        payload.check()
        return payload
