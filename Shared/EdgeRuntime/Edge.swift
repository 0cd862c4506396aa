import AccessControl
public import Basics
public import EventLog
public import EventModel
import Glibc
import HTTPFront
public import Logging
public import NIOCore
import Synchronization

/// The part of an edge that all edges have: pages, loops, admission, drain.
///
/// The front authenticates and reads the request; ``admit(tenant:)`` and ``adopt(_:request:admission:)`` make a stream of it. From
/// then on it lives on a delivery loop. Until ``begin(log:feed:fanout:)``, and while the feed is not live, streams are refused.
public final class Edge: Sendable {
    /// What streams are served from.
    private struct Source: Sendable {
        let feed: LogFeed
        let fanout: Fanout
        let history: History
        let resolver: ExecutionResolver
        let hubs: [LoopHub]

        /// Where a stream begins, and in which life of the log that was decided.
        struct Beginning {
            var start: StreamStart
            var generation: UInt32
            var lease: ExecutionLease?
        }

        /// Where a stream begins, from memory; nil when the log has to be asked.
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

        /// Where a stream begins. The log is asked only where memory does not know.
        func beginning(of request: StreamRequest) async throws(EventLogError) -> Beginning {
            let generation = self.fanout.feed.position.generation
            if let beginning = self.beginningAtOnce(of: request) { return beginning }
            guard case .cursor(let cursor) = request.start else { preconditionFailure("only a cursor is looked up") }
            let start = try await self.history.start(for: cursor, tenant: request.principal.tenant, fanout: self.fanout)
            return Beginning(start: start, generation: generation)
        }
    }

    public let configuration: EdgeConfiguration
    private let source = Mutex<Source?>(nil)
    private let hosts = Mutex<[LoopHost]>([])
    private let admissions: Admissions
    private let nextHub = Atomic<Int>(0)
    private let logger: Logger

    /// An edge that has nothing to serve yet.
    public init(configuration: EdgeConfiguration, logger: Logger) {
        self.configuration = configuration
        self.admissions = Admissions(total: configuration.maxConnections, perTenant: configuration.maxConnectionsPerTenant)
        self.logger = logger
    }

    /// Starts the delivery loops. Once in the life of an edge.
    /// - Parameter fanout: Must be the observer of `feed`.
    /// - Throws: ``SystemCallError`` when the process may not open more descriptors.
    public func begin(log: any LogReading, feed: LogFeed, fanout: Fanout) throws(SystemCallError) {
        let history = History(log: log, tail: feed.tail, chunkBytes: self.configuration.chunkBytes)
        let unsent = UnsentBudget(limit: self.configuration.maxUnsentBytesOfAll)
        let laggardBytes = ByteBudget(limit: self.configuration.maxLaggardBytes)
        var hubs: [LoopHub] = []
        for host in try self.loopHosts() {
            let hub = LoopHub(
                loop: host.loop,
                fanout: fanout,
                tail: feed.tail,
                history: history,
                configuration: self.configuration,
                unsent: unsent,
                laggardBytes: laggardBytes,
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

    /// The delivery loops, which are started by the first call.
    /// - Throws: ``SystemCallError`` when the process may not open more descriptors.
    func loopHosts() throws(SystemCallError) -> [LoopHost] {
        let count = max(1, self.configuration.deliveryLoops)
        return try self.hosts.withLock { hosts throws(SystemCallError) in
            while hosts.count < count { hosts.append(try LoopHost(name: "delivery-\(hosts.count)")) }
            return hosts
        }
    }

    /// A place for one stream of `tenant`, or the reason of a refusal. A dropped place is given back.
    public func admit(tenant: Tenant) -> AdmissionAnswer {
        guard self.isFollowing else { return .refused(self.admissions.isClosed ? .draining : .unavailable) }
        return self.admissions.admit(tenant)
    }

    /// Whether streams can be served: the log is followed live.
    public var isFollowing: Bool { self.source.withLock { $0 }?.feed.isFollowing ?? false }

    /// Where a viewer of an execution begins (contract §9). The log is asked, so that the answer holds for everything that was stored before.
    ///
    /// - Parameters:
    ///   - reference: what it views.
    ///   - encoder: how the viewer is written to.
    ///   - run: the execution that it names; nil for the current one.
    ///   - number: the last event it has seen; nil for none.
    ///   - waits: whether it waits for an execution to begin when there is none.
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

    /// Hands an accepted connection to a delivery loop. After it `channel` is closed for NIO, and the admission goes with
    /// the connection; on an error, or if the client is gone by then, the admission is given back.
    /// - Parameter admission: The place of the stream, from ``admit(tenant:)`` for the tenant of `request`.
    /// - Throws: ``EventLogError``, with the channel untouched, when the log had to be asked where the stream begins and
    ///   is out of reach.
    public func adopt(_ channel: any Channel, request: StreamRequest, admission: consuming Admission) async throws(EventLogError) {
        guard let source = self.source.withLock({ $0 }) else { throw EventLogError.unavailable("The log is not open yet.") }
        let beginning = try await source.beginning(of: request)
        guard let taken = await self.take(channel, isUpgrade: request.inbound.isUpgrade, isStream: true) else { return }
        let ticket = Self.ticket(for: request, beginning, earlyBytes: taken.earlyBytes, place: taken.place)
        await self.hub(of: source).adopt(taken.descriptor, ticket: ticket, encoder: request.encoder, admission: .admitted(admission))
    }

    /// Makes a stream of a connection that was accepted on a delivery loop, at once. On the loop's thread.
    ///
    /// - Parameters:
    ///   - descriptor: The connection. It is the edge's to close if this returns true.
    ///   - headLength: Bytes of the request's head, of which none was read.
    ///   - budget: What the connection counts against.
    /// - Returns: whether the edge has taken the connection; if not, nothing was changed: the request cannot be admitted, or the log has to be asked where
    ///   its stream begins.
    func open(_ request: StreamRequest, descriptor: Int32, behind headLength: Int, on loop: DeliveryLoop, budget: DescriptorBudget) -> Bool
    {
        guard let source = self.source.withLock({ $0 }), source.feed.isFollowing, let hub = source.hubs.first(where: { $0.loop === loop }),
            let beginning = source.beginningAtOnce(of: request)
        else { return false }
        switch self.admissions.admit(request.principal.tenant) {
        case .refused: return false
        case .admitted(let admitted):
            guard let place = budget.enterStream() else { return false }
            // Discards without copying. All of it is there: it was peeked at.
            guard recv(descriptor, nil, headLength, Int32(MSG_TRUNC)) == headLength else {
                close(descriptor)
                return true
            }
            let ticket = Self.ticket(for: request, beginning, earlyBytes: [], place: place)
            var admission: Admission? = admitted
            hub.assumeIsolated { hub in
                guard let admission = admission.take() else { return }
                hub.adopt(descriptor, ticket: ticket, encoder: request.encoder, admission: .admitted(admission))
            }
            hub.counters.quickOpenings.add(1)
            return true
        }
    }

    private static func ticket(
        for request: StreamRequest,
        _ beginning: Source.Beginning,
        earlyBytes: [UInt8],
        place: DescriptorBudget.Place?
    ) -> ConnectionTicket {
        ConnectionTicket(
            start: beginning.start,
            source: request.source,
            audience: Audience(user: request.principal.user, filter: request.filter),
            expiresAt: request.principal.expiresAt,
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

    /// Hands a connection to a delivery loop only to be told why it cannot stay, for clients that see no status but only what comes
    /// after the handshake. After it `channel` is closed for NIO. It takes no place.
    /// - Throws: ``EventLogError``, with the channel untouched, while there are no loops yet.
    public func refuse(_ channel: any Channel, _ refusal: StreamRefusal) async throws(EventLogError) {
        guard let source = self.source.withLock({ $0 }) else { throw EventLogError.unavailable("The log is not open yet.") }
        guard let taken = await self.take(channel, isUpgrade: refusal.inbound.isUpgrade, isStream: false) else { return }
        let ticket = ConnectionTicket(
            start: .live,
            source: .events(of: StreamRefusal.tenant),
            audience: Audience(user: refusal.user, filter: nil),
            expiresAt: .max,
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

    /// Takes a connection out of NIO; nil, with the channel closed, when the client is gone.
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

    /// The bytes of a stream that is over before it began: for clients that must not be answered with an error status.
    public func refusal(_ ending: Ending, in encoder: any StreamEncoder) -> [UInt8] {
        encoder.farewell(ending, retry: self.configuration.retry * Double.random(in: 0.5...1.5))
    }

    /// Refuses new streams and ends the open ones, spread over the drain window. Returns when the last is gone.
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

    private var hubs: [LoopHub] { self.source.withLock { $0 }?.hubs ?? [] }

    /// Open streams.
    public var connectionCount: Int { self.hubs.reduce(0) { $0 + $1.counters.connections.current } }

    /// Figures of all loops since the start.
    public var statistics: EdgeStatistics {
        var statistics = EdgeStatistics(summing: self.hubs.map { $0.counters })
        statistics.largestTenants = self.admissions.largest(Self.reportedTenants)
        return statistics
    }

    /// How many tenants are named in the figures.
    private static let reportedTenants = 10
}
