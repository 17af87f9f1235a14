"""What ``--help`` says: of each command what it does, and examples to copy."""

DESCRIPTION = "Create, wait for and download the videos of a Sora-compatible service."

EPILOG = """\
examples:
  sora-async demo                       see it work: no key, no network
  export SORA_API_KEY=...               the key, for all that follows
  sora-async create --prompt "a boat at sea" --download videos/
                                        from a prompt to a file
  sora-async wait video_123 video_456   wait for both, print their addresses
  sora-async batch prompts.jsonl --out videos/
                                        from many prompts to many files

exit codes:
  0 all is well             1 a task, a download or the service failed
  2 wrong usage             3 an order went out and no answer came: look first
  124 the timeout ran out, tasks go on
  130 Ctrl-C, 143 SIGTERM   141 nobody reads the output any more

"sora-async COMMAND --help" tells more of each command."""

DEMO = """\
Start a fake service in this process, wait for six tasks of different fates,
and tell what happened. It needs no key and no network, and about 12 seconds."""

GET = "Ask for a task once and print what the service knows of it."

GET_EPILOG = """\
examples:
  sora-async get video_123
  sora-async get --json video_123 | jq .progress"""

LIST = """\
Print the newest tasks of the account, the newest first: id, phase, moment in
UTC and prompt, between tabs. Not every service has a list."""

LIST_EPILOG = """\
examples:
  sora-async list
  sora-async list --limit 3 --json | jq -r .id"""

CREATE = """\
Order a video and print the id of its task, as soon as there is one.

An order is never sent twice. When one went out and no clear answer came, the
exit code is 3: there may be a task, and it may be charged, so look before you
order again ("sora-async list"). Ctrl-C waits for the answer to an order that is
under way, and prints its id; a second one gives up."""

CREATE_EPILOG = """\
examples:
  sora-async create --prompt "a boat at sea" --seconds 10 --size 1280x720
  sora-async create --prompt "it sails away" --reference boat.png
  sora-async create --prompt - --download videos/ < prompt.txt
  sora-async create --prompt "a boat" --field style=anime --field private:=true
  id=$(sora-async create --prompt "a boat") && sora-async wait "$id"

Without --wait and --download, the id is all that is on stdout. With them, the
address or the path of the video is the second line."""

WAIT = """\
Wait for any number of tasks at once.

On a terminal, bars show how they come along; anywhere else, lines on stderr.
The addresses of the videos go to stdout: bare for one ID, and for several as
"ID<tab>ADDRESS". With --download, the videos are saved as DIR/ID.mp4, and their
paths are printed instead."""

WAIT_EPILOG = """\
examples:
  sora-async wait video_123 video_456
  sora-async wait --download videos/ video_123 video_456
  curl -o boat.mp4 "$(sora-async wait video_123)"
  sora-async wait --timeout 600 video_123 || echo "exit code $?"
  sora-async wait --json video_123 | jq -r 'select(.outcome).video_url'"""

DOWNLOAD = """\
Save the video of a finished task and print the path of the file.

The file stands under its name when it is whole, and not before. Until then,
what has come is beside it in a ".part" file, and the same command goes on from
there."""

DOWNLOAD_EPILOG = """\
examples:
  sora-async download video_123                    to ./video_123.mp4
  sora-async download video_123 --out videos/
  sora-async download video_123 --out boat.mp4 --if-exists overwrite
  sora-async download video_123 --max-size 500M"""

BATCH = """\
Make a video of each line of a file, and save them all in a folder.

A line is JSON: a prompt in quotes, or an object with "prompt" and any other
field of an order, such as "model", "seconds" and "size"; "name" names the file.

A journal knows what was ordered. The same command again goes on where the last
run stopped, after Ctrl-C or a crash, too: nothing is ordered twice, and what is
saved is not fetched again. A task that failed stays failed; an order that was
refused or timed out is taken up again. Ctrl-C ends the run when the orders that
are under way have been answered."""

BATCH_EPILOG = """\
examples:
  sora-async batch prompts.jsonl --out videos/
  sora-async batch prompts.jsonl --out out/ --max-waits 50 --journal job.jsonl
  jq -c '.ideas[]' plan.json | sora-async batch - --out videos/

prompts.jsonl:
  "a boat at sea"
  {"prompt": "a boat in a bottle", "seconds": "10", "name": "bottle"}"""

COMPLETION = """\
Print a script that completes commands, options, their words and paths as you
type. It is made of the options of this version: make it anew after an update."""

COMPLETION_EPILOG = """\
examples:
  mkdir -p ~/.local/share/bash-completion/completions
  sora-async completion bash > \\
    ~/.local/share/bash-completion/completions/sora-async
  sora-async completion zsh > "${fpath[1]}/_sora-async"
  sora-async completion fish > ~/.config/fish/completions/sora-async.fish

They work from the next shell on. For this one, in bash:
  source <(sora-async completion bash)"""
