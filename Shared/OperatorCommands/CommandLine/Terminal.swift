import ArgumentParser
import FoundationEssentials

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// When a command colours its output.
enum ColorChoice: String, ExpressibleByArgument, CaseIterable {
    /// In a terminal, unless `NO_COLOR` is set or `TERM` is `dumb`.
    case auto
    case always
    case never
}

/// What standard output, or standard error, can show.
struct Terminal: Sendable, Hashable {
    /// Styles of ECMA-48 §8.3.117.
    enum Style: String {
        case dim = "2"
        case red = "31"
        case green = "32"
        case yellow = "33"
        case cyan = "36"
    }

    /// Whether a person reads it, so that a line may be replaced.
    let isTerminal: Bool
    /// Whether it shows colours.
    let hasColors: Bool
    /// Columns of a line.
    let width: Int

    /// Describes standard output.
    static func output(_ choice: ColorChoice) -> Terminal { Terminal(STDOUT_FILENO, choice) }
    /// Describes standard error.
    static func errors(_ choice: ColorChoice) -> Terminal { Terminal(STDERR_FILENO, choice) }

    private init(_ descriptor: Int32, _ choice: ColorChoice) {
        var size = winsize()
        let isKnown = ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
        self.init(
            isTerminal: isatty(descriptor) == 1,
            width: isKnown ? Int(size.ws_col) : 80,
            choice: choice,
            environment: ProcessInfo.processInfo.environment
        )
    }

    init(isTerminal: Bool, width: Int = 80, choice: ColorChoice, environment: [String: String]) {
        let isDumb = environment["TERM"] == "dumb"
        self.isTerminal = isTerminal && !isDumb
        self.width = width
        // https://no-color.org: set and not empty.
        let isPlain = isDumb || !(environment["NO_COLOR"] ?? "").isEmpty
        hasColors = choice == .always || choice == .auto && isTerminal && !isPlain
    }

    /// Returns the text in a style, where colours are shown.
    func styled(_ text: String, _ style: Style) -> String {
        hasColors ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
    }
}
