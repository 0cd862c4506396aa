package import ArgumentParser
package import Basics
package import CausewayProducer
package import ServiceKit

/// Ends the command with a sentence on standard error.
///
/// The codes are those of sysexits.h, which scripts can tell apart; `--help` lists them.
package enum Exit {
    /// An event was not valid (`EX_DATAERR`).
    package static let invalidEvent = ArgumentParser.ExitCode(65)
    /// The bus or the log did not take an event (`EX_UNAVAILABLE`).
    package static let unavailable = ArgumentParser.ExitCode(69)
    /// A mistake in the configuration (`EX_CONFIG`).
    package static let configuration = ArgumentParser.ExitCode(78)

    /// Says `sentence`, and gives the error to throw.
    package static func because(_ sentence: String, _ code: ArgumentParser.ExitCode) -> ArgumentParser.ExitCode {
        Console.complain(sentence)
        return code
    }

    /// What to throw for a mistake in the configuration or on the command line.
    package static func because(_ error: ConfigurationError) -> ArgumentParser.ExitCode {
        because(error.message, ArgumentParser.ExitCode(error.exitCode.rawValue))
    }

    /// What to throw for an event that was not published.
    package static func because(_ error: ProducerError) -> ArgumentParser.ExitCode {
        guard [.invalidEvent, .conflict, .tooLarge].contains(error.code) else { return because(error.message, unavailable) }
        return because([error.field, error.message].compactMap(\.self).joined(separator: ": "), invalidEvent)
    }

    /// What to throw for an event that is not valid.
    package static func because(_ error: Basics.ValidationError) -> ArgumentParser.ExitCode {
        because(error.description, invalidEvent)
    }
}
