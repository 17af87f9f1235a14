"""What a shell completes, in a shell."""

import shutil
import subprocess
from pathlib import Path

import pytest

from sora_async.cli.arguments import SHELLS
from sora_async.cli.main import _COMMANDS, main
from sora_async.dialects import DIALECTS

# As readline does it: the words before the cursor go to the function that is told for the command.
COMPLETE = r"""
source "$1"; shift
tell=$(complete -p sora-async); tell=${tell##*-F }
COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 ))
${tell%% *} sora-async "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf "%s\\n" "${COMPREPLY[@]}"
"""


@pytest.fixture
def script(tmp_path, capsys) -> Path:
    assert main(["completion", "bash"]) == 0
    path = tmp_path / "script"
    path.write_text(capsys.readouterr().out)
    (tmp_path / "videos").mkdir()
    (tmp_path / "vision.png").touch()
    return path


@pytest.mark.skipif(not shutil.which("bash"), reason="there is no bash")
@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ([""], set(_COMMANDS)),
        (["wa"], {"wait"}),
        (["wait", "--un"], {"--until"}),
        (["wait", "video_1", "--until", ""], {"video", "completed", "video_url"}),
        (["wait", "--if-exists", "o"], {"overwrite"}),
        (["wait", "--dialect", ""], set(DIALECTS)),
        (["create", "--prompt", "a boat", "--dow"], {"--download"}),
        (["create", "--download", "vi"], {"videos"}),
        (["create", "--reference", "vi"], {"videos", "vision.png"}),
        (["batch", "vi"], {"videos", "vision.png"}),
        (["wait", "vi"], {""}),
        (["completion", ""], set(SHELLS)),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bash_completes_what_is_typed(typed, offered, script) -> None:
    command = ["bash", "--norc", "-c", COMPLETE, "bash", str(script), "sora-async", *typed]
    done = subprocess.run(command, cwd=script.parent, capture_output=True, text=True, timeout=30)

    assert (set(done.stdout.splitlines()), done.stderr) == (offered, "")


@pytest.mark.parametrize(
    ("shell", "told"), [("zsh", "wait:'wait for tasks'"), ("fish", "-a wait -d 'wait for tasks'")]
)
def test_other_shells_have_scripts_of_their_own(shell, told, capsys) -> None:
    code = main(["completion", shell])

    assert code == 0
    assert told in capsys.readouterr().out
