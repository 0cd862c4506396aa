public import AccessControl
public import Basics
import FoundationEssentials
public import NATSClient

// Common parts of every process, with their reloads.
extension ServiceMain {
    /// Creates the token verifier from the `auth.` keys. Not ready before the first fetch of a configured JWKS URL. Files are reloaded on change.
    ///
    /// Its revocations are empty until ``revocationFollower(of:end:)`` fills them.
    /// - Parameters:
    ///   - refusesUntilRead: see `Authenticator`.
    ///   - tickets: redeems the tickets of a process with streams.
    ///   - trustedProxies: the proxies that tell who sent a ticket.
    /// - Throws: ``ConfigurationError`` and `AccessControlError`, for keys that are missing or cannot be used.
    public func authenticator(
        refusesUntilRead: Bool = true,
        tickets: (any TicketRedeemer)? = nil,
        trustedProxies: TrustedProxies = .none
    ) async throws -> Authenticator {
        let configuration = try settings.accessControlConfiguration()
        let files = FileStates(configuration.files)
        let authenticator = try await Authenticator(
            configuration: configuration,
            revocations: Revocations(isRead: false),
            refusesUntilRead: refusesUntilRead,
            tickets: tickets,
            trustedProxies: trustedProxies,
            logger: logger
        )
        AuthenticationMetrics.observe(authenticator, redeemsTickets: tickets != nil, in: metrics)
        if !files.isEmpty { reloads.add("signature keys in files", files: files) { try authenticator.reload() } }
        if configuration.jwksURL != nil {
            reloads.add("signature keys behind a URL") { try await authenticator.refresh() }
            readiness.observe("keys") { authenticator.keysAbsence().map { .notReady($0) } ?? .ready }
        }
        return authenticator
    }

    /// Creates the follower that fills the authenticator's revocations; ``LogSession`` runs it. Not ready until it has read the stored ones.
    ///
    /// - Parameter end: ends the open connections that a revocation concerns; nil in a process without such connections.
    public func revocationFollower(of authenticator: Authenticator, end: RevocationFollower.Ending? = nil) -> RevocationFollower {
        if end != nil {
            metrics.describe(
                RevocationFollower.closingMetric,
                "From the time a revocation was stored until this process had ended the last connection that it concerns."
            )
        }
        return RevocationFollower(
            authenticator.revocations,
            maximumTokenLife: settings[.authMaxTokenLife],
            readiness: readiness,
            logger: logger,
            end: end
        )
    }

    /// Connects to the bus, which may be unreachable yet.
    ///
    /// - Throws: `NATSError` for an invalid configuration and refused credentials.
    public func connect(_ configuration: NATSConfiguration) async throws -> NATSConnection {
        let connection = try await NATSConnection.connect(configuration, logger: logger)
        observe(connection)
        return connection
    }

    /// Creates the service that answers surveys: with the tenant's usage of ``shares``, and what `answers` has.
    ///
    /// - Parameter answers: the further topics that this process answers.
    package func surveyResponder(on connection: NATSConnection, _ answers: [SurveyTopic: SurveyResponder.Answer] = [:]) -> SurveyResponder {
        // Without the command of a program that has several.
        let program = String(settings.schema.program.prefix { $0 != " " })
        let usage: SurveyResponder.Answer = { [shares] question in
            ["program": .string(program), "shares": .json(try [UInt8](JSONEncoder().encode(shares.uses(of: question.tenant))))]
        }
        return SurveyResponder(
            instance: instance,
            program: program,
            connection: connection,
            answers: answers.merging([.usage: usage]) { given, _ in given },
            logger: logger
        )
    }

    /// Adds a connection's metrics, and reloads its files on SIGHUP and on change. Refused credentials are reread without that.
    public func observe(_ connection: NATSConnection) {
        let files = FileStates(connection.configuration.files)
        if !files.isEmpty { reloads.add("credentials and certificates of the bus", files: files) { try await connection.reload() } }
        BusMetrics.observe(connection, in: metrics)
    }
}
