package import ArgumentParser
import Basics
import EventModel
import ServiceKit
import Webhooks

/// `causeway listen`: posts events to a receiver as signed webhooks (contract §14), without an endpoint.
package struct ListenCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "listen",
        abstract: "Forwards events to a receiver on this machine as signed webhooks, without an endpoint.",
        discussion: """
            Follows the events that the token's user may see, and posts each to --forward-to, one at a time and in order, in the form and with the \
            signatures of webhooks (Standard Webhooks 1.0; no traceparent). Prints a line for each delivery. An event that the receiver does not answer \
            with 2xx is sent again, after 1 s at first and 30 s at most, and holds those behind it. If events are missing, the receiver gets stream.gap \
            in their place. The cursor is kept through outages, not after the end of the command: to go on behind the last line, pass its id with \
            --last-event-id.

            Needs a token with the role admin or member: CAUSEWAY_TOKEN, or a file, which is read again for each request.

            Exit codes: 64 for a mistake on the command line; 65 for a request that the server refuses; 77 when the token is not accepted, or no \
            longer; 78 without a token, or for a receiver or secret that cannot be used. It ends by SIGINT.
            """,
        version: ConfigurationSchema.versionText("listen")
    )

    @Option(help: "The receiver's URL: https, or http to this machine.")
    var forwardTo: String

    @Option(help: "Only these types, joined by commas: investigation.*,approval.requested.")
    var types: String?

    @Option(
        help: "Begins with events of that time, as far as the log keeps them: RFC 3339 with an offset, or how long ago, such as 10m.",
        transform: PastTime.parse
    )
    var since: PastTime?

    @Option(help: "Begins behind this event; empty for the oldest event kept. By default with the next event.")
    var lastEventID: String?

    @Option(help: "A file with the secret that signs, whsec_…; by default one is generated and printed once.")
    var secretFile: String?

    @Option(help: "A PEM file of authorities or certificates to trust at the receiver in addition to this machine's.")
    var forwardCAFile: String?

    @OptionGroup var connection: ServerArguments

    package init() {}

    package func validate() throws {
        guard since == nil || lastEventID == nil else { throw ArgumentParser.ValidationError("give --since or --last-event-id, not both") }
        try CommandRule.check { () throws(Basics.ValidationError) in
            _ = try receiver
            if let types { _ = try TypeFilter(query: types) }
        }
    }

    package func run() async throws {
        let secrets = EndpointSecrets(try secret())
        let (receiver, sender) = (try receiver, try sender())
        var asked = try connection.server()
        asked.timeout += EventPolling<ContinuousClock>.wait
        let server = asked
        let target = server.target
        var polling = EventPolling(
            from: place,
            types: types,
            clock: ContinuousClock(),
            // With the token that the file has now.
            ask: { request throws(CausewayServer.Unreachable) in try await (server.withRenewedToken() ?? server).send(request) },
            refusal: { ServerRefusal($0, of: target) },
            complain: Console.complain
        )
        let forwarder = Forwarder(
            clock: ContinuousClock(),
            send: { await sender.send($0, to: receiver, of: Self.share, signedBy: secrets) },
            print: Console.print,
            complain: Console.complain
        )
        let earliest = since?.timestamp(at: .now)
        var isFirst = true
        while true {
            let polled = try await polling.next()
            if isFirst { Console.complain("following \(target) up to \(polled.cursor), forwarding to \(receiver.origin)") }
            isFirst = false
            if let gap = polled.gap { Console.complain("events are missing before the next ones: the receiver gets \(gap.type)") }
            for event in [polled.gap].compactMap(\.self) + polled.events.filter({ $0.isSince(earliest) }) {
                try await forwarder.deliver(event)
            }
        }
    }

    // MARK: Arguments

    /// The receiver.
    var receiver: WebhookURL {
        get throws(Basics.ValidationError) {
            let url = try WebhookURL(forwardTo, field: "--forward-to")
            let rules = try rules(for: url)
            do throws(AddressRules.Refusal) {
                try rules.check(url)
            } catch {
                throw ValidationError(field: "--forward-to", message: "must be https, or http to this machine")
            }
            return url
        }
    }

    /// Where the first poll begins.
    var place: EventPolling<ContinuousClock>.Place {
        if since != nil { return .oldest }
        return switch lastEventID {
        case nil: .head
        case ""?: .oldest
        case let cursor?: .after(cursor)
        }
    }

    /// Returns the secret that signs; prints a generated one.
    private func secret() throws -> SigningSecret {
        guard let secretFile else {
            let secret = SigningSecret.generate()
            Console.complain("signing with \(secret.revealed), for this run alone: pass --secret-file for one that stays")
            return secret
        }
        guard let secret = SecretFile.read(secretFile).flatMap({ SigningSecret($0) }) else {
            throw Exit.because(
                "--secret-file: \(secretFile) is not a readable file with whsec_ and the base64 of 24 to 64 bytes",
                Exit.configuration
            )
        }
        return secret
    }

    private func sender() throws -> WebhookSender {
        do {
            return try WebhookSender(WebhookSenderConfiguration(rules: try rules(for: try receiver), authoritiesFile: forwardCAFile))
        } catch let error as WebhookSender.ConfigurationError {
            throw Exit.because(error.message, Exit.configuration)
        }
    }

    /// All addresses by https: unlike a dispatcher, the command sends where its own user says. By http only this machine's.
    private func rules(for url: WebhookURL) throws(Basics.ValidationError) -> AddressRules {
        try AddressRules(allowedNetworks: url.isSecure ? ["0.0.0.0/0", "::/0"] : ["127.0.0.0/8", "::1"])
    }

    // MARK: Requests

    /// The sender's share, which is all of it: there is one receiver.
    private static let share = Tenant(generated: "listen")
}

extension PolledEvent {
    /// Whether the intake took it at that time or later; true without a time.
    fileprivate func isSince(_ time: Timestamp?) -> Bool { time.map { $0 <= cursor.time } ?? true }
}
