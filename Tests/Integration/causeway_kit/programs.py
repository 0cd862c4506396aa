"""The table of programs, deploy/programs.json, against which every other place that names programs, ports or paths is held."""

import json

from .services import ROOT

__all__ = ["COMMANDS", "OPERATING", "PROGRAMS", "ROOT"]

#: The rows.
PROGRAMS = json.loads((ROOT / "deploy/programs.json").read_text())
#: The executable of each program and its arguments, by name.
COMMANDS = {program["name"]: tuple(program["command"]) for program in PROGRAMS}
#: The program for operators. It does not listen, so it is no row.
OPERATING = "causeway"
