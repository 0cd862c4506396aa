import AccessControl
import Basics
import Dispatch
import EdgeRuntime
import EventModel
import Logging
import NATSClient
import ServiceKit
import Synchronization

/// Sends the commands of the relay's connections to services and receives the answers (docs/commands.md).
///
/// One per process. Answers arrive on one subscription, to a private inbox; commands are sent on a private queue, so that no caller
/// waits for the bus. Any thread.
final class CommandBus: Sendable {
    /// The memory of a queued command in bytes, besides its text.
    private static let overhead = 256

    private let connection: NATSConnection
    private let configuration: CommandConfiguration
    private let makeRequestID: @Sendable () -> String
    private let table: CommandTable
    /// Ends with a dot.
    private let inbox: String
    private let answers: NATSSubscription
    private let nextSession = Atomic<UInt64>(1)
    /// Serial, so that a cancellation never overtakes its request.
    private let sending = DispatchQueue(label: "causeway.relay.commands")
    /// A separate queue, so that a stalled bus does not delay notifying clients.
    private let telling = DispatchQueue(label: "causeway.relay.command-ends")
    private let shares: CommandShares
    /// Commands of the last minute, including refused ones.
    let usage = TenantUsage()
    private let now: @Sendable () -> MonotonicInstant

    /// Subscribes for the answers; with the next server, if none is connected.
    ///
    /// - Parameters:
    ///   - connection: The bus.
    ///   - configuration: Deadline and bounds.
    ///   - logger: Gets a warning when a service sends an invalid answer.
    ///   - now: The clock.
    ///   - makeULID: Returns a new ULID for a request.
    init(
        connection: NATSConnection,
        configuration: CommandConfiguration = CommandConfiguration(),
        logger: Logger,
        now: @escaping @Sendable () -> MonotonicInstant = MonotonicInstant.now,
        makeULID: @escaping @Sendable () -> String
    ) throws(NATSError) {
        let shares = CommandShares(configuration: configuration)
        let table = CommandTable(configuration: configuration, shares: shares, logger: logger)
        self.shares = shares
        self.now = now
        let inbox = "\(connection.newInbox())."
        self.connection = connection
        self.configuration = configuration
        makeRequestID = { "req_\(makeULID())" }
        self.table = table
        self.inbox = inbox
        answers = try connection.subscribe("\(inbox)*.*") { delivery in
            guard let key = CommandTable.Key(subjectTail: delivery.subject.dropFirst(inbox.count)) else { return }
            table.received(delivery, for: key)
        }
    }

    private var timeoutMilliseconds: Int64 { max(1, configuration.timeout.milliseconds) }

    /// The number of pending commands.
    var outstandingCommands: Int { table.count }

    /// The number of commands refused since the start because their tenant's share was used up.
    var refusedCommands: Int { shares.refused }

    /// Returns the tenant's use of the limit of commands.
    func use(of tenant: Tenant) -> ShareUse {
        let perSecond = Double(configuration.commandsPerSecondOfTenant)
        let limit = shares.remaining(of: tenant, now: now()).map {
            (burst: Int(perSecond * CommandShares.burstSeconds), left: $0, perSecond: perSecond)
        }
        return .rate("commands", lastMinute: usage.amount(of: tenant), limit: limit)
    }

    /// Creates the session of a new connection.
    func session(for caller: CommandCaller, observer: @escaping CommandObserver) -> CommandSession {
        let number = nextSession.add(1, ordering: .relaxed).oldValue
        return CommandSession(bus: self, number: number, caller: caller, observer: observer)
    }

    /// Unsubscribes from answers; pending commands end with -32603. For shutdown.
    func close() {
        answers.unsubscribe()
        for (key, entry) in table.removeAll() {
            entry.observer(
                key.token,
                .completed(.failure(.internalError("The relay is going away. Connect again and repeat the command.")))
            )
        }
    }

    // MARK: Sending

    fileprivate func send(_ command: RelayCommand, _ session: CommandSession) {
        let key = CommandTable.Key(session: session.number, token: command.token)
        let requestID = makeRequestID()
        usage.add(1, of: session.caller.tenant)
        let size = Self.overhead + command.method.utf8.count + (command.params?.count ?? 0)
        let tenant = session.caller.tenant
        if let refusal = shares.begin(tenant, bytes: size, expectsAnswer: command.expectsAnswer, now: now()) {
            if command.expectsAnswer {
                telling.async { session.observer(command.token, .completed(.failure(refusal))) }
            }
            return
        }
        if command.expectsAnswer {
            let entry = CommandTable.Entry(requestID: requestID, method: command.method, tenant: tenant, observer: session.observer)
            table.insert(entry, for: key)
        }
        sending.async { [self] in
            shares.sent(tenant, bytes: size)
            publish(command, requestID: requestID, caller: session.caller, key: key)
        }
        guard command.expectsAnswer else { return }
        let deadline = DispatchTime.now() + .milliseconds(Int(clamping: timeoutMilliseconds))
        telling.asyncAfter(deadline: deadline) { [weak self] in self?.deadlinePassed(key) }
    }

    /// On the queue.
    private func publish(_ command: RelayCommand, requestID: String, caller: CommandCaller, key: CommandTable.Key) {
        // It ended while queued.
        if command.expectsAnswer, !table.contains(key) { return }
        do throws(NATSError) {
            try connection.publish(
                subject: CommandSubject.request(command.method),
                reply: command.expectsAnswer ? inbox + key.subjectTail : nil,
                headers: headers(of: command, requestID: requestID, caller: caller),
                payload: command.params ?? []
            )
        } catch {
            return table.complete(key, .failure(Self.failure(error)))
        }
    }

    private func headers(of command: RelayCommand, requestID: String, caller: CommandCaller) -> NATSHeaders {
        var headers: NATSHeaders = [
            CommandHeader.requestID: requestID,
            CommandHeader.tenant: CloudEventHeaders.encode(caller.tenant.text),
            CommandHeader.user: CloudEventHeaders.encode(caller.user.text),
            CommandHeader.roles: CloudEventHeaders.encode(caller.roles.map(\.rawValue).sorted().joined(separator: ",")),
            CommandHeader.timeout: "\(timeoutMilliseconds)",
        ]
        if command.expectsAnswer { headers[CommandHeader.cancellation] = CommandSubject.cancellation(requestID) }
        if let traceparent = caller.traceparent { headers[CommandHeader.traceparent] = CloudEventHeaders.encode(traceparent) }
        return headers
    }

    private static func failure(_ error: NATSError) -> RPCError {
        switch error.code {
        case .disconnected, .closed: .internalError("The bus is out of reach. Try again in a moment.")
        case .payloadTooLarge: .invalidParams("params are larger than the bus takes.")
        default: .internalError("The command could not be sent.")
        }
    }

    // MARK: Cancelling

    fileprivate func cancel(_ token: CommandToken, _ session: CommandSession) {
        guard let entry = table.remove(CommandTable.Key(session: session.number, token: token)) else { return }
        publishCancellation(of: entry.requestID, reason: .disconnected)
    }

    private func deadlinePassed(_ key: CommandTable.Key) {
        guard let entry = table.remove(key) else { return }
        entry.observer(key.token, .completed(.failure(.deadlineExceeded)))
        publishCancellation(of: entry.requestID, reason: .deadline)
    }

    private func publishCancellation(of requestID: String, reason: CommandHeader.Reason) {
        sending.async { [connection] in
            // Best effort: without a connection the service relies on the deadline.
            try? connection.publish(
                subject: CommandSubject.cancellation(requestID),
                headers: [CommandHeader.requestID: requestID, CommandHeader.reason: reason.rawValue]
            )
        }
    }
}

/// The commands of one connection.
struct CommandSession: Sendable {
    fileprivate let bus: CommandBus
    fileprivate let number: UInt64
    /// The principal of the commands that are sent from now on.
    var caller: CommandCaller
    fileprivate let observer: CommandObserver

    /// Sends a command. If it expects an answer, the observer gets one `completed`, by the deadline at the latest. Returns at once.
    func send(_ command: RelayCommand) {
        bus.send(command, self)
    }

    /// Cancels a command: notifies its service, and the observer gets no further updates. Returns at once.
    func cancel(_ token: CommandToken) {
        bus.cancel(token, self)
    }
}
