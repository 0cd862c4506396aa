/// The name under which the process was started.
package enum ProgramName {
    /// The last component of `argv[0]`, as program_invocation_short_name(3) has it. Usages, versions and errors of a command carry the name of
    /// the program that offers it.
    package static let current = CommandLine.arguments.first?.split(separator: "/").last.map(String.init) ?? "causeway"
}
