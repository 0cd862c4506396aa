import ArgumentParser
import Basics
import EventModel
import Webhooks

/// The endpoint that a subcommand is about.
struct EndpointArgument: ParsableArguments {
    @Argument(help: "The endpoint's id, whk_….")
    var endpoint: String

    func validate() throws {
        guard EndpointID(endpoint) != nil else {
            throw ArgumentParser.ValidationError("an endpoint's id is whk_ and 26 characters, as causeway webhooks list prints it")
        }
    }

    /// The path of the endpoint's resource, or of one below it.
    func path(_ resource: String...) -> [String] { CausewayServer.Request.webhooks + [endpoint] + resource }
}

/// The types that an endpoint gets, as one option.
enum TypesOption {
    /// Parses `investigation.*,approval.requested`; throws an error message for what the server would refuse.
    @Sendable static func parse(_ text: String) throws -> [String] {
        let patterns = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        try CommandRule.check { () throws(Basics.ValidationError) in _ = try EndpointTypes(patterns, field: "--types") }
        return patterns
    }
}

extension ServerArguments {
    /// The server waits up to 15 s for the receiver.
    private static let attemptLimit: Duration = .seconds(15)

    /// Sends a request that makes one attempt, and prints how it ended.
    ///
    /// - Throws: the exit code of the command, after printing an error message; ``Exit/notDelivered``.
    func printAttempt(_ request: CausewayServer.Request) async throws {
        var asked = try server()
        asked.timeout += Self.attemptLimit
        let body = try await asked.answer(to: request)
        let answer = try CausewayServer.decode(AttemptResultAnswer.self, body)
        print(body, EndpointText.tested(answer))
        if !answer.delivered { throw Exit.notDelivered }
    }

    /// Sends a request whose answer is an endpoint, and prints it.
    ///
    /// - Throws: the exit code of the command, after printing an error message.
    func printEndpoint(_ request: CausewayServer.Request) async throws {
        try await perform(request, EndpointAnswer.self) { answer, _ in EndpointText.whole(answer) }
    }
}
