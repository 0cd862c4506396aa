"""Dead letters, as an operator sees them (docs/operating.md)."""

import json

from .services import command
from .waiting import eventually


class Letters:
    """Runs the command line like an operator."""

    def __init__(self, stack):
        self._url = stack.nats.url

    def run(self, *arguments):
        return command("causeway", "dead-letters", *arguments, nats_url=self._url)

    def list(self, *arguments):
        done = self.run("list", *arguments)
        assert done.returncode == 0, done.stderr.decode()
        return [json.loads(line) for line in done.stdout.splitlines()]

    def wait_for(self, count, *arguments):
        return eventually(lambda: len(found := self.list(*arguments)) == count and found, f"{count} letters", timeout=30, interval=0.5)
