"""CI fails for warnings about our sources and for no others (`.ci/warnings`). The logs are what swiftc 6.2 and SwiftPM print, shortened."""

import subprocess

import pytest

from causeway_kit.services import ROOT

FOLDER = "/src/causeway"
SOURCE = f"{FOLDER}/Tests/BasicsTests/SignalTests.swift"
DEPENDENCY = f"{FOLDER}/.build/checkouts/swift-nio/Sources/NIOCore/Channel.swift"
GENERATED = "/tmp/swift-generated-sources/@__swiftmacro_11BasicsTests0012aswift_DrJCafMX9_8_6expectfMf_.swift"
MESSAGE = "warning: no 'async' operations occur within 'await' expression"

PLAIN = """\
SOURCE_FILE:13:28: warning: 'is' test is always true
11 |         #expect(value == 1)
12 |         let other = 3
13 |         #expect((2 as Int) is Int)
   |                            `- warning: 'is' test is always true
14 |     }

"""

#: The style of the compiler in Swift 6.
MACRO = """\
macro expansion #expect:1:22: warning: no 'async' operations occur within 'await' expression
`- SOURCE_FILE:10:39: note: expanded code originates here
 9 |         let value = 5
10 |         #expect(await (1 as Int) == 1)
   |         `- note: in expansion of macro 'expect' here
   +--- macro expansion #expect ----------------------------------------
   |1 | Testing.__checkValue(await (1 as Int) == 1,expression: .__fromSyntaxNode("await (1 as Int) == 1"),comments: [])
   |  |                      `- warning: no 'async' operations occur within 'await' expression
   +--------------------------------------------------------------------
11 |     }

"""

#: With `-diagnostic-style=llvm`.
EXPANDED_FILE = f"""\
{GENERATED}:1:22: warning: no 'async' operations occur within 'await' expression
Testing.__checkValue(await (1 as Int) == 1,expression: .__fromSyntaxNode("await (1 as Int) == 1"),comments: [])
                     ^
SOURCE_FILE:10:9: note: in expansion of macro 'expect' here
        #expect(await (1 as Int) == 1)
        ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
"""

PACKAGE = """\
warning: 'swift-distributed-tracing': found 1 file(s) which are unhandled; explicitly declare them as resources or exclude from the target
    /src/causeway/.build/checkouts/swift-distributed-tracing/Sources/Tracing/CMakeLists.txt
warning: 'causeway': dependency 'swift-log' is not used by any target
[0/1] Planning build
Building for debugging...
[12/345] Compiling Basics Signal.swift
/usr/bin/ld.gold: warning: the section .note is of another kind
Build complete! (312.45s)
"""


def about(path, form):
    """A warning about a source file."""
    return form.replace("SOURCE_FILE", path)


def judge(log):
    """The exit code, and what is printed."""
    done = subprocess.run([ROOT / ".ci/warnings", FOLDER], input=log, capture_output=True, text=True)
    assert not done.stderr
    return done.returncode, done.stdout.splitlines()


@pytest.mark.parametrize("form", [PLAIN, MACRO, EXPANDED_FILE])
def test_a_warning_about_a_source_of_ours_fails_once(form):
    warning = about(SOURCE, form)
    code, said = judge(PACKAGE + warning + about(DEPENDENCY, form) + warning)
    assert code == 1
    assert sum("warning: " in line for line in said) == 1 and any(SOURCE in line for line in said)


@pytest.mark.parametrize("log", ["", PACKAGE, *(about(DEPENDENCY, form) for form in (PLAIN, MACRO, EXPANDED_FILE))])
def test_no_other_warning_fails(log):
    assert judge(log) == (0, [])


@pytest.mark.parametrize("place", ["macro expansion #expect", "macro expansion @Test", GENERATED, f"@__swiftmacro_{GENERATED[-20:]}"])
@pytest.mark.parametrize("behind", ["", "[13/345] Compiling Basics Delay.swift\n", about(DEPENDENCY, PLAIN)])
def test_a_macro_without_a_place_fails(place, behind):
    line = f"{place}:1:22: {MESSAGE}"
    assert judge(f"{line}\n{behind}") == (1, [line])


def test_every_warning_is_printed():
    """One behind another, in a macro within a macro's expansion, and in C."""
    nested = f"macro expansion #expect:2:3: {MESSAGE}\n`- {GENERATED}:4:1: note: expanded code originates here\n"
    c = f"{FOLDER}/Shared/CNATS/shim.c:3:5: warning: unused variable 'n' [-Wunused-variable]"
    code, said = judge(about(SOURCE, MACRO) + nested + f"   `- {SOURCE}:7:1: note: in expansion of macro 'outer' here\n" + f"{c}\n")
    assert code == 1
    assert [line for line in said if "warning: " in line] == [f"macro expansion #expect:1:22: {MESSAGE}", nested.splitlines()[0], c]
