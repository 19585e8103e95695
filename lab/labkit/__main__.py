"""The lab: the whole platform on one machine.

python3 -m labkit up        # until the cluster runs; what is built stays for the next time
python3 -m labkit status
python3 -m labkit exec salt '*' test.ping     # a command on the master (lab/bin/salt is shorter)
python3 -m labkit down      # removes everything but the cache
"""

from __future__ import annotations

import argparse
import signal
import sys

from labkit import commands, config
from labkit.gobuild import BuildError
from labkit.shell import LabError
from labkit.steps import Steps


def _interrupted(number, _frame):
    raise KeyboardInterrupt(signal.Signals(number).name)


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    up = verbs.add_parser("up", help="bring everything up")
    up.add_argument("--profile", choices=config.PROFILES, default="default", help="ha: three control planes")
    up.add_argument("--until", choices=commands.STOPS, default="cluster", help="stop earlier")
    verbs.add_parser("down", help="remove everything but the cache")
    verbs.add_parser("status", help="show what is running")
    execute = verbs.add_parser("exec", help="run a command on the Salt master")
    execute.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args(argv)
    if options.verb == "exec":
        return commands.execute(options.command)
    for number in (signal.SIGINT, signal.SIGTERM):  # SIGINT too: a shell starts background jobs with it ignored
        signal.signal(number, _interrupted)
    steps = Steps()
    try:
        return {
            "up": lambda: commands.up(steps, options.until, options.profile),
            "down": lambda: commands.down(steps),
            "status": lambda: commands.status(steps),
        }[options.verb]()
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        steps.say("interrupted: removing the lab")
        commands.down(steps)
        return 130
    except (LabError, BuildError) as err:
        steps.say(f"error: {err}")
        if config.logs().exists():
            steps.say(f"complete output: {config.logs()}; the lab is left as it is until `make lab-down`")
        return 1


if __name__ == "__main__":
    sys.exit(main())
