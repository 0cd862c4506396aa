package import ArgumentParser
package import Basics
package import CausewayProducer
package import ServiceKit

/// Ends a command with an error message on standard error.
///
/// The codes are those of sysexits.h, which scripts can tell apart; `--help` lists them.
package enum Exit {
    /// An event, or another input, was not valid (`EX_DATAERR`).
    package static let invalidEvent = ArgumentParser.ExitCode(65)
    /// The bus, the log or a service did not answer, or did not accept an event now (`EX_UNAVAILABLE`).
    package static let unavailable = ArgumentParser.ExitCode(69)
    /// The server refused the token, or the token lacks the role (`EX_NOPERM`).
    package static let noPermission = ArgumentParser.ExitCode(77)
    /// An error in the configuration (`EX_CONFIG`).
    package static let configuration = ArgumentParser.ExitCode(78)

    /// Prints `sentence` to standard error and returns the error to throw.
    package static func because(_ sentence: String, _ code: ArgumentParser.ExitCode) -> ArgumentParser.ExitCode {
        Console.complain(sentence)
        return code
    }

    /// Prints an error in the configuration or on the command line, and returns the error to throw.
    package static func because(_ error: ConfigurationError) -> ArgumentParser.ExitCode {
        because(error.message, ArgumentParser.ExitCode(error.exitCode.rawValue))
    }

    /// Prints why an event was not published, and returns the error to throw.
    package static func because(_ error: ProducerError) -> ArgumentParser.ExitCode {
        guard [.invalidEvent, .conflict, .tooLarge].contains(error.code) else { return because(error.message, unavailable) }
        return because([error.field, error.message].compactMap(\.self).joined(separator: ": "), invalidEvent)
    }

    /// Prints why an event is invalid, and returns the error to throw.
    package static func because(_ error: Basics.ValidationError) -> ArgumentParser.ExitCode {
        because(error.description, invalidEvent)
    }
}
