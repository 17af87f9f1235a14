"""The texts of ``--help``: what each command does, and examples to copy."""

DESCRIPTION = "Create, wait for and download the videos of a Sora-compatible service."

EPILOG = """\
examples:
  sora-async demo                       see it work: no key, no network
  export SORA_BASE_URL=https://... SORA_API_KEY=...
                                        the service and its key
  sora-async create --prompt "a boat at sea" --download videos/
                                        from a prompt to a file
  sora-async wait video_123 video_456   wait for both, print their addresses
  sora-async batch prompts.jsonl --out videos/
                                        from many prompts to many files

exit codes:
  0 success         1 a task, a download or the service failed
  2 wrong usage     3 a create was sent and got no response: check for its task
  124 timeout; the tasks go on
  130 Ctrl-C        143 SIGTERM        141 nobody reads the output any more

"sora-async COMMAND --help" describes a command."""

DEMO = """\
Start a fake service in this process, wait for six tasks that end differently,
and print the results. It needs no key and no network, and about 12 seconds."""

GET = "Ask for a task once and print what the service knows of it."

GET_EPILOG = """\
examples:
  sora-async get video_123
  sora-async get --json video_123 | jq .progress"""

LIST = """\
Print the newest tasks of the account, the newest first: id, phase, creation
time in UTC and prompt, separated by tabs. Not every service has a list."""

LIST_EPILOG = """\
examples:
  sora-async list
  sora-async list --limit 3 --json | jq -r .id"""

CREATE = """\
Create a video and print the id of its task as soon as it is known.

The create is sent once, or repeated with its Idempotency-Key where the service
deduplicates. If it was sent and no clear response came, the exit code is 3:
there may be a task, and it may be charged, so check with "sora-async list"
before you create it again. Ctrl-C waits for the response to a create that was
sent, and prints its id; a second Ctrl-C gives up."""

CREATE_EPILOG = """\
examples:
  sora-async create --prompt "a boat at sea" --seconds 10 --size 1280x720
  sora-async create --prompt "it sails away" --reference boat.png
  sora-async create --prompt - --download videos/ < prompt.txt
  sora-async create --prompt "a boat" --field style=anime --field private:=true
  id=$(sora-async create --prompt "a boat") && sora-async wait "$id"

Without --wait and --download, stdout has the id and nothing else. With them,
its second line is the address or the path of the video."""

WAIT = """\
Wait for any number of tasks at once.

A terminal shows a table with progress bars; anywhere else, lines go to stderr.
The addresses of the videos go to stdout: bare for one ID, and for several as
"ID<tab>ADDRESS". With --download, the videos are saved as DIR/ID.mp4, and their
paths are printed instead."""

WAIT_EPILOG = """\
examples:
  sora-async wait video_123 video_456
  sora-async wait --download videos/ video_123 video_456
  curl -o boat.mp4 "$(sora-async wait video_123)"
  sora-async wait --timeout 10m video_123 || echo "exit code $?"
  sora-async wait --json video_123 | jq -r 'select(.outcome).video_url'"""

DOWNLOAD = """\
Download the video of a finished task and print the path of the file.

The file gets its name when it is complete. Until then, the part received is
beside it in a ".part" file, and the same command continues from there."""

DOWNLOAD_EPILOG = """\
examples:
  sora-async download video_123                    to ./video_123.mp4
  sora-async download video_123 --out videos/
  sora-async download video_123 --out boat.mp4 --if-exists overwrite
  sora-async download video_123 --max-size 500M"""

BATCH = """\
Create a video for each line of a file, and download them all to a folder.

A line is JSON: a prompt in quotes, or an object with "prompt" and any other
field of a create, such as "model", "seconds" and "size"; "name" names the file.

A journal records what was created. The same command continues where the last
run stopped, also after Ctrl-C or a crash: nothing is created twice, and no
video is downloaded twice. A task that failed stays failed; a create that was
refused and a wait that timed out are tried again. Ctrl-C ends the run when the
creates that were sent have been answered."""

BATCH_EPILOG = """\
examples:
  sora-async batch prompts.jsonl --out videos/
  sora-async batch prompts.jsonl --out out/ --max-waits 50 --journal job.jsonl
  jq -c '.ideas[]' plan.json | sora-async batch - --out videos/

prompts.jsonl:
  "a boat at sea"
  {"prompt": "a boat in a bottle", "seconds": "10", "name": "bottle"}"""

REMIX = """\
Create a video from the finished video of another task, with a prompt that says
what changes, and print the id of the new task. Not every service has remixes.

The create is sent as "sora-async create --help" says."""

REMIX_EPILOG = """\
examples:
  sora-async remix video_123 --prompt "the same at night"
  sora-async remix video_123 --prompt "the same at night" --download ."""

DELETE = """\
Delete tasks and their videos from the service. Not every service can. A task
that is still running may go on and be charged."""

CANCEL = """\
Cancel tasks that are queued or running, where the service can
("sora-async dialects" lists which API formats have this call)."""

DOCTOR = """\
Print the settings in force (versions, address, dialect, proxy, whether there is
a key), send one request for a task that does not exist, and print what the
service answers. The key is not printed: the output can go into a bug report."""

DOCTOR_EPILOG = """\
exit codes:
  0 the service answers that it does not know the task
  1 it answers something else, or not at all
  2 no request can be sent, as with a SOCKS proxy"""

DIALECTS = """\
Print the API formats that --dialect knows, with the calls that each has."""

COMPLETION = """\
Print a script for shell completion of commands, options, their values and
paths. It has the options of this version: print it again after an update."""

COMPLETION_EPILOG = """\
examples:
  mkdir -p ~/.local/share/bash-completion/completions
  sora-async completion bash > \\
    ~/.local/share/bash-completion/completions/sora-async
  sora-async completion zsh > "${fpath[1]}/_sora-async"
  sora-async completion fish > ~/.config/fish/completions/sora-async.fish

New shells use it. For this one, in bash:
  source <(sora-async completion bash)"""
