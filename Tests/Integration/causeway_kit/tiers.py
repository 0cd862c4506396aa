"""Which tests are fast: those that start nothing but Causeway's own programs and nats-server, and are not marked `long`.

There is no list of them. Each test is followed from its function, fixtures and parameters through the functions and classes of
Tests/Integration that they name. If that reaches code that names another program, such as `nginx`, the test is not fast.
`guarding` checks the result: a test that was taken for fast fails when it starts such a program.
"""

import contextlib
import os
import subprocess
import sys
import types
from functools import cache, partial
from pathlib import Path
from unittest import mock

#: Programs that tests start by these names: what need not be installed where nats-server is, and what would install it.
OTHER_PROGRAMS = frozenset(
    """
    caddy chromedriver chromium docker-compose groff haproxy make nginx node prometheus promtool swift
    install-proxy.sh install-run.sh install-service.sh
    """.split()
)
_FOLDER = f"{Path(__file__).resolve().parents[1]}/"


def is_fast(item):
    return item.get_closest_marker("long") is None and not other_programs(item)


def other_programs(item):
    """Those of `OTHER_PROGRAMS` that a collected test can start."""
    fixtures = [fixture.func for several in item._fixtureinfo.name2fixturedefs.values() for fixture in several]
    parameters = tuple(item.callspec.params.values()) if hasattr(item, "callspec") else ()
    return set().union(*map(programs_of_function, [item.function, *fixtures]), _programs_of(parameters), _names_in(parameters))


@cache
def programs_of_function(function):
    return _programs_of([function])


def _programs_of(roots):
    # The values are kept: the id of one that is gone may be given to another.
    found, seen, waiting = set(), {}, list(roots)
    while waiting:
        value = waiting.pop()
        if id(value) not in seen:
            seen[id(value)] = value
            programs, further = _look_at(value)
            found |= programs
            waiting += further
    return found


def _look_at(value):
    """The programs that a value names itself, and the values that it leads to."""
    match value:
        case types.FunctionType():
            return _look_at_function(value)
        case types.MethodType() | staticmethod() | classmethod():
            return set(), [value.__func__]
        case property():
            return set(), [value.fget]
        case partial():
            return set(), [value.func, value.args, value.keywords]
        case type():
            return set(), [*vars(value).values(), *value.__bases__] if _is_ours(value.__module__) else []
        case dict():
            return set(), list(value.values())
        case list() | tuple() | set() | frozenset():
            return set(), list(value)
        case _ if _is_ours(type(value).__module__):
            return set(), [type(value), *getattr(value, "__dict__", {}).values()]
        case _:
            return set(), []


@cache
def _look_at_function(function):
    if not function.__code__.co_filename.startswith(_FOLDER):
        # One that a decorator of another package made leads to the one that it was made of.
        return set(), [vars(function).get("__wrapped__")]
    programs, further = set(), [cell.cell_contents for cell in function.__closure__ or () if _is_set(cell)]
    waiting = [function.__code__]
    while waiting:
        code = waiting.pop()
        waiting += [constant for constant in code.co_consts if isinstance(constant, types.CodeType)]
        programs |= _names_in(code.co_consts)
        further += _globals_of(code, function.__globals__)
    return programs, further


def _names_in(constant):
    """The programs among constants: a name, a part of a path (`deploy/nginx/configure`), or one of these in the tuple that a list was compiled to."""
    if isinstance(constant, str):
        # Text with spaces is no word of a command, but a docstring or a message.
        return set() if " " in constant else OTHER_PROGRAMS.intersection(constant.split("/"))
    return set().union(*map(_names_in, constant)) if isinstance(constant, tuple | frozenset) else set()


def _globals_of(code, names):
    """The values of the global names that code may use, and of its attributes' names in modules of ours."""
    found = [names[name] for name in code.co_names if name in names]
    modules = [value for value in found if isinstance(value, types.ModuleType) and _is_ours(value.__name__)]
    return found + [vars(module)[name] for module in modules for name in code.co_names if name in vars(module)]


def _is_set(cell):
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False


@cache
def _is_ours(module):
    file = getattr(sys.modules.get(module), "__file__", None) or ""
    return file.startswith(_FOLDER)


@contextlib.contextmanager
def guarding(name):
    """Fails whoever starts one of `OTHER_PROGRAMS` meanwhile: the test of that name was taken for fast."""
    start = subprocess.Popen.__init__

    def guarded(process, arguments, *rest, **options):
        words = [arguments] if isinstance(arguments, str | os.PathLike) else list(arguments)
        # Processes of the kit are started by `setpriv … -- program`.
        program = os.path.basename(words[words.index("--") + 1 if words[0] == "setpriv" else 0])
        assert program not in OTHER_PROGRAMS, f"{name} counts as fast and starts {program}: causeway_kit/tiers.py does not see how"
        start(process, arguments, *rest, **options)

    with mock.patch.object(subprocess.Popen, "__init__", guarded):
        yield
