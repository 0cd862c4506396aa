public import AccessControl
public import Basics
public import EventLog
public import EventModel
import Glibc
import HTTPFront
public import Logging
public import NIOCore
import Synchronization

/// The common part of all edges: pages, loops, admission, drain.
///
/// The front authenticates and parses the request; ``admit(tenant:)`` and ``adopt(_:request:admission:)`` turn it into a stream
/// on a delivery loop. Streams are refused until ``begin(log:feed:fanout:)``, and while the feed is not live.
public final class Edge: Sendable {
    /// The objects that serve streams, available once the log is open.
    private struct Source: Sendable {
        let feed: LogFeed
        let fanout: Fanout
        let history: History
        let resolver: ExecutionResolver
        let hubs: [LoopHub]

        /// Resolves the start of a stream from memory; nil when the log has to be read.
        func beginningAtOnce(of request: StreamRequest) -> Beginning? {
            let feed = self.fanout.feed
            let start: StreamStart
            switch request.start {
            case .live: start = .live
            case .place(let place): return Beginning(start: place.start(in: feed), generation: place.generation, lease: place.lease)
            case .cursor(let cursor):
                guard let known = self.history.startAtOnce(for: cursor, tenant: request.principal.tenant, feed) else { return nil }
                start = known
            }
            return Beginning(start: start, generation: feed.position.generation)
        }

        /// Resolves the start of a stream. Reads the log only where memory does not know.
        func beginning(of request: StreamRequest) async throws(EventLogError) -> Beginning {
            let generation = self.fanout.feed.position.generation
            if let beginning = self.beginningAtOnce(of: request) { return beginning }
            guard case .cursor(let cursor) = request.start else { preconditionFailure("only a cursor is looked up") }
            let start = try await self.history.start(for: cursor, tenant: request.principal.tenant, fanout: self.fanout)
            return Beginning(start: start, generation: generation)
        }
    }

    /// The start of a stream, and the generation of the log in which it was resolved.
    struct Beginning: Sendable {
        fileprivate var start: StreamStart
        fileprivate var generation: UInt32
        fileprivate var lease: ExecutionLease?
    }

    public let configuration: EdgeConfiguration
    private let source = Mutex<Source?>(nil)
    private let hosts = Mutex<[LoopHost]>([])
    private let admissions: Admissions
    private let revocations: Revocations
    private let verify: TokenVerifier
    private let nextHub = Atomic<Int>(0)
    private let logger: Logger

    /// Creates an edge that refuses streams until ``begin(log:feed:fanout:)``.
    ///
    /// - Parameters:
    ///   - revocations: The revoked tokens. Streams are refused until they have been read.
    ///   - verify: Verifies the tokens by which clients renew those of their connections.
    public init(configuration: EdgeConfiguration, revocations: Revocations, verify: @escaping TokenVerifier, logger: Logger) {
        self.configuration = configuration
        self.revocations = revocations
        self.verify = verify
        self.admissions = Admissions(total: configuration.maxConnections, perTenant: configuration.maxConnectionsPerTenant)
        self.logger = logger
    }

    /// Starts the delivery loops. Call once.
    /// - Parameter fanout: Must be the observer of `feed`.
    /// - Throws: ``SystemCallError`` when the process may not open more descriptors.
    public func begin(log: any LogReading, feed: LogFeed, fanout: Fanout) throws(SystemCallError) {
        let history = History(log: log, tail: feed.tail, chunkBytes: self.configuration.chunkBytes)
        let unsent = UnsentBudget(limit: self.configuration.maxUnsentBytesOfAll)
        let laggardBytes = ByteBudget(limit: self.configuration.maxLaggardBytes)
        var hubs: [LoopHub] = []
        for (number, host) in try self.loopHosts().enumerated() {
            let hub = LoopHub(
                number: number,
                loop: host.loop,
                fanout: fanout,
                tail: feed.tail,
                history: history,
                configuration: self.configuration,
                unsent: unsent,
                laggardBytes: laggardBytes,
                revocations: self.revocations,
                verify: self.verify,
                logger: self.logger,
                isFollowing: { feed.isFollowing }
            )
            host.hub = hub
            hubs.append(hub)
        }
        let resolver = ExecutionResolver(log: log, history: history, fanout: fanout, chunkBytes: self.configuration.bytesPerTurn)
        let source = Source(feed: feed, fanout: fanout, history: history, resolver: resolver, hubs: hubs)
        self.source.withLock { $0 = source }
    }

    /// Returns the delivery loops; the first call starts them.
    /// - Throws: ``SystemCallError`` when the process may not open more descriptors.
    func loopHosts() throws(SystemCallError) -> [LoopHost] {
        let count = max(1, self.configuration.deliveryLoops)
        return try self.hosts.withLock { hosts throws(SystemCallError) in
            while hosts.count < count { hosts.append(try LoopHost(name: "delivery-\(hosts.count)")) }
            return hosts
        }
    }

    /// Takes a place for one stream of `tenant`, or refuses. A dropped admission releases its place.
    public func admit(tenant: Tenant) -> AdmissionAnswer {
        guard self.isFollowing, self.revocations.isRead else { return .refused(self.admissions.isClosed ? .draining : .unavailable) }
        return self.admissions.admit(tenant)
    }

    /// Whether streams can be served: the log is followed live.
    public var isFollowing: Bool { self.source.withLock { $0 }?.feed.isFollowing ?? false }

    /// The position of the feed; nil while the log is not open.
    var position: Cursor? { self.source.withLock { $0 }?.fanout.feed.cursor }

    /// Why the log is not followed.
    public var interruption: String { self.source.withLock { $0 }?.feed.interruption ?? "not followed yet" }

    /// Resolves the start of an execution's viewer (contract §9). Reads the log, so that the result covers everything stored before.
    ///
    /// - Parameters:
    ///   - reference: the agent or workflow that is viewed.
    ///   - encoder: the encoder of the viewer's stream.
    ///   - run: the execution requested; nil for the current one.
    ///   - number: the number of the last event seen; nil for none.
    ///   - waits: whether to wait until an execution begins, for an agent or workflow without one.
    /// - Throws: ``EventLogError`` when the log is out of reach.
    public func execution(
        _ reference: ExecutionReference,
        in encoder: any StreamEncoder,
        run: ExecutionRun?,
        after number: ExecutionNumber?,
        waits: Bool
    ) async throws(EventLogError) -> ExecutionAnswer {
        guard let source = self.source.withLock({ $0 }) else { throw EventLogError.unavailable("The log is not open yet.") }
        return try await source.resolver.answer(reference, in: encoder, run: run, after: number, waits: waits)
    }

    /// Moves an accepted connection to a delivery loop. Closes `channel` for NIO, and the admission moves with
    /// the connection; on an error, or if the client has disconnected, the admission is released.
    /// - Parameter admission: The place of the stream, from ``admit(tenant:)`` for the tenant of `request`.
    /// - Throws: ``EventLogError``, with the channel untouched, when the log has to be read to resolve the start and is out of reach.
    public func adopt(_ channel: any Channel, request: StreamRequest, admission: consuming Admission) async throws(EventLogError) {
        guard let source = self.source.withLock({ $0 }) else { throw EventLogError.unavailable("The log is not open yet.") }
        let beginning = try await source.beginning(of: request)
        guard let taken = await self.take(channel, isUpgrade: request.inbound.isUpgrade, isStream: true) else { return }
        let ticket = Self.ticket(for: request, beginning, earlyBytes: taken.earlyBytes, place: taken.place)
        await self.hub(of: source).adopt(taken.descriptor, ticket: ticket, encoder: request.encoder, admission: .admitted(admission))
    }

    /// Opens a stream on a connection accepted by a delivery loop, without waiting. On the loop's thread.
    ///
    /// - Parameter budget: The descriptor budget that counts the connection.
    /// - Returns: the result; nothing was read from the connection unless it is ``QuickOpening/opened``.
    func open(_ arrival: DoorArrival, on loop: DeliveryLoop, budget: DescriptorBudget) -> QuickOpening {
        guard let (source, hub) = self.following(on: loop) else { return .refused }
        switch self.admissions.admit(arrival.stream.principal.tenant) {
        case .refused: return .refused
        case .admitted(let admission):
            guard let place = budget.enterStream() else { return .refused }
            guard let beginning = source.beginningAtOnce(of: arrival.stream) else {
                return .needsLog(ReservedStream(admission: admission, place: place))
            }
            Self.adopt(arrival, from: beginning, place, .admitted(admission), on: hub)
            return .opened
        }
    }

    /// Resolves the start of an arrival's stream, reading the log.
    /// - Throws: ``EventLogError`` when the log is out of reach.
    func beginning(of stream: StreamRequest) async throws(EventLogError) -> Beginning {
        guard let source = self.source.withLock({ $0 }) else { throw EventLogError.unavailable("The log is not open yet.") }
        return try await source.beginning(of: stream)
    }

    /// Opens a stream whose start was resolved by ``beginning(of:)``. On the loop's thread.
    ///
    /// - Returns: whether the edge has taken the connection. If not, nothing was read from it, and the reserved places are free.
    func open(_ arrival: DoorArrival, from beginning: Beginning, _ reserved: consuming ReservedStream, on loop: DeliveryLoop) -> Bool {
        guard let (_, hub) = self.following(on: loop) else { return false }
        Self.adopt(arrival, from: beginning, reserved.place, .admitted(reserved.admission), on: hub)
        return true
    }

    /// Ends a stream whose start was not resolved in time. On the loop's thread.
    func refuse(_ arrival: DoorArrival, _ ending: Ending, _ reserved: consuming ReservedStream, on loop: DeliveryLoop) {
        guard let source = self.source.withLock({ $0 }), let hub = source.hubs.first(where: { $0.loop === loop }) else {
            preconditionFailure("a connection waits on a loop of the source")
        }
        Self.adopt(arrival, from: Beginning(start: .live, generation: 0), reserved.place, .refused(ending), on: hub)
    }

    /// The source, and the loop's hub; nil while streams are refused.
    private func following(on loop: DeliveryLoop) -> (Source, LoopHub)? {
        guard let source = self.source.withLock({ $0 }), source.feed.isFollowing, self.revocations.isRead,
            let hub = source.hubs.first(where: { $0.loop === loop })
        else { return nil }
        return (source, hub)
    }

    private static func adopt(
        _ arrival: DoorArrival,
        from beginning: Beginning,
        _ place: DescriptorBudget.Place,
        _ admission: consuming AdmissionAnswer,
        on hub: LoopHub
    ) {
        // Discard without copying. The whole head has arrived: it was peeked at.
        guard recv(arrival.descriptor, nil, arrival.headLength, Int32(MSG_TRUNC)) == arrival.headLength else {
            place.giveBack()
            close(arrival.descriptor)
            return
        }
        if admission.refusal == nil { hub.counters.quickOpenings.add(1) }
        let ticket = Self.ticket(for: arrival.stream, beginning, earlyBytes: [], place: place)
        var answer: AdmissionAnswer? = admission
        hub.assumeIsolated { hub in
            guard let answer = answer.take() else { return }
            hub.adopt(arrival.descriptor, ticket: ticket, encoder: arrival.stream.encoder, admission: answer)
        }
    }

    private static func ticket(
        for request: StreamRequest,
        _ beginning: Beginning,
        earlyBytes: [UInt8],
        place: DescriptorBudget.Place?
    ) -> ConnectionTicket {
        ConnectionTicket(
            start: beginning.start,
            source: request.source,
            audience: Audience(user: request.principal.user, filter: request.filter),
            principal: request.principal,
            end: request.end,
            head: request.head,
            inbound: request.inbound,
            earlyBytes: earlyBytes,
            place: place,
            requestID: request.requestID,
            traceID: request.trace?.traceID,
            generation: beginning.generation,
            lease: beginning.lease
        )
    }

    /// Moves a connection to a delivery loop only to send the reason of its refusal, for clients that see no status but only what follows
    /// the handshake. Closes `channel` for NIO. Takes no place.
    /// - Throws: ``EventLogError``, with the channel untouched, while the loops are not started.
    public func refuse(_ channel: any Channel, _ refusal: StreamRefusal) async throws(EventLogError) {
        guard let source = self.source.withLock({ $0 }) else { throw EventLogError.unavailable("The log is not open yet.") }
        guard let taken = await self.take(channel, isUpgrade: refusal.inbound.isUpgrade, isStream: false) else { return }
        let ticket = ConnectionTicket(
            start: .live,
            source: .events(of: StreamRefusal.tenant),
            audience: Audience(user: refusal.user, filter: nil),
            head: refusal.head,
            inbound: refusal.inbound,
            earlyBytes: taken.earlyBytes,
            place: taken.place,
            requestID: refusal.requestID,
            traceID: refusal.trace?.traceID,
            generation: 0
        )
        await self.hub(of: source).adopt(taken.descriptor, ticket: ticket, encoder: refusal.encoder, admission: .refused(refusal.ending))
    }

    /// Takes a connection out of NIO; nil, with the channel closed, when the client has disconnected.
    private func take(_ channel: any Channel, isUpgrade: Bool, isStream: Bool) async -> SocketAdoption.Taken? {
        do {
            return try await SocketAdoption.take(channel, isUpgrade: isUpgrade, isStream: isStream)
        } catch {
            self.logger.debug("a connection was lost while it was accepted", metadata: [LogKey.error: "\(error)"])
            channel.close(promise: nil)
            return nil
        }
    }

    private func hub(of source: Source) -> LoopHub {
        let next = self.nextHub.wrappingAdd(1, ordering: .relaxed).oldValue
        return source.hubs[Int(UInt(bitPattern: next) % UInt(source.hubs.count))]
    }

    /// Encodes the end of a stream that is refused: for clients that must not get an error status.
    public func refusal(_ ending: Ending, in encoder: any StreamEncoder) -> [UInt8] {
        encoder.farewell(ending, retry: self.configuration.retry * Double.random(in: 0.5...1.5))
    }

    /// Ends the open connections that a revocation concerns, which is in the edge's revocations already. When this returns, no further event is
    /// written to them, but the rest of one that was sent in part.
    public func end(_ revocation: Revocation) async {
        await withTaskGroup(of: Void.self) { group in
            for hub in self.hubs { group.addTask { await hub.end(revocation) } }
        }
    }

    /// Refuses new streams and ends the open ones, spread over the drain window. Returns when the last has ended.
    public func drain() async {
        self.admissions.close()
        self.logger.info(
            "drain begins",
            metadata: [LogKey.connections: "\(self.connectionCount)", LogKey.window: "\(self.configuration.drainWindow)"]
        )
        await withTaskGroup(of: Void.self) { group in
            for hub in self.hubs {
                group.addTask { await hub.drainConnections(window: self.configuration.drainWindow) }
            }
        }
        self.logger.info("drain ended", metadata: [LogKey.connections: "\(self.connectionCount)"])
    }

    var hubs: [LoopHub] { self.source.withLock { $0 }?.hubs ?? [] }

    /// Number of open streams.
    public var connectionCount: Int { self.hubs.reduce(0) { $0 + $1.counters.connections.current } }

    /// Returns the number of open streams of one tenant.
    public func connectionCount(of tenant: Tenant) -> Int { self.admissions.count(of: tenant) }

    /// Counters of all loops since the start.
    public var statistics: EdgeStatistics {
        var statistics = EdgeStatistics(summing: self.hubs.map { $0.counters })
        statistics.largestTenants = self.admissions.largest(Self.reportedTenants)
        return statistics
    }

    /// Number of tenants named in the statistics.
    private static let reportedTenants = 10
}
