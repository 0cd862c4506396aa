/// The name under which the process was started.
package enum ProgramName {
    /// The last component of `argv[0]`, like program_invocation_short_name(3). A command shows the name of the program that runs it in its
    /// usage, version and errors.
    package static let current = CommandLine.arguments.first?.split(separator: "/").last.map(String.init) ?? "causeway"
}
