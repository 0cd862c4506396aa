public import AccessControl
public import EventLog
public import EventModel
import Glibc
public import Logging
public import NIOCore
import Synchronization

/// What a handshake has established about a stream.
public struct StreamRequest: Sendable {
    /// Whose events, and which user sees them. Its tenant has been checked.
    public var principal: Principal
    public var tenant: Tenant
    /// The types asked for; `nil` for all.
    public var filter: TypeFilter?
    /// The cursor the client brought: `nil` for none, empty for the oldest event kept.
    public var cursor: String?
    /// The head of the response, ready to be sent.
    public var head: [UInt8]
    /// The id of the HTTP request.
    public var requestID: String

    public init(principal: Principal, tenant: Tenant, filter: TypeFilter?, cursor: String?, head: [UInt8], requestID: String) {
        self.principal = principal
        self.tenant = tenant
        self.filter = filter
        self.cursor = cursor
        self.head = head
        self.requestID = requestID
    }
}

/// The part of an edge that all edges have: pages, loops, admission, drain.
///
/// The front authenticates and reads the request; ``admit(tenant:)`` and ``adopt(_:request:)``
/// make a stream of it. From then on it lives on a delivery loop.
public final class Edge: Sendable {
    public let configuration: EdgeConfiguration
    private let form: any WireForm
    private let feed: LogFeed
    private let fanout: Fanout
    private let history: History
    private let hubs: [LoopHub]
    private let admissions: Admissions
    private let nextHub = Atomic<Int>(0)
    private let logger: Logger

    /// Starts the delivery loops.
    /// - Parameters:
    ///   - fanout: Must be the observer of `feed`.
    /// - Throws: ``SystemCallError`` when the process may not open more descriptors.
    public init(
        configuration: EdgeConfiguration,
        form: any WireForm,
        log: any LogReading,
        feed: LogFeed,
        fanout: Fanout,
        logger: Logger
    ) throws(SystemCallError) {
        self.configuration = configuration
        self.form = form
        self.feed = feed
        self.fanout = fanout
        self.logger = logger
        let history = History(log: log, tail: feed.tail, chunkBytes: configuration.chunkBytes, now: MonotonicInstant.now)
        self.history = history
        let admissions = Admissions(total: configuration.maxConnections, perTenant: configuration.maxConnectionsPerTenant)
        self.admissions = admissions
        var hubs: [LoopHub] = []
        for index in 0..<max(1, configuration.deliveryLoops) {
            let loop = try DeliveryLoop()
            let hub = LoopHub(
                loop: loop,
                fanout: fanout,
                tail: feed.tail,
                history: history,
                configuration: configuration,
                logger: logger,
                connectionEnded: { admissions.release($0) }
            )
            loop.start(name: "delivery-\(index)", delegate: hub)
            hubs.append(hub)
        }
        self.hubs = hubs
    }

    /// A place for one stream of `tenant`, or why there is none. A place that is not used must be given back with
    /// ``withdraw(tenant:)``.
    public func admit(tenant: Tenant) -> StreamEndReason? {
        guard self.feed.isFollowing else { return .unavailable }
        return self.admissions.admit(tenant)
    }

    /// Gives back a place from ``admit(tenant:)``.
    public func withdraw(tenant: Tenant) { self.admissions.release(tenant) }

    /// Hands an accepted connection to a delivery loop. On return (or error) `channel` is closed for NIO; the admission
    /// goes with the connection.
    public func adopt(_ channel: any Channel, request: StreamRequest) async throws {
        do {
            let generation = self.fanout.feed.position.generation
            let start = try await self.start(for: request.cursor)
            let descriptor = try await SocketAdoption.takeDescriptor(of: channel)
            let ticket = ConnectionTicket(
                start: start,
                tenant: request.tenant,
                audience: Audience(user: request.principal.subject, filter: request.filter),
                expiresAt: request.principal.expiresAt,
                head: request.head,
                requestID: request.requestID,
                generation: generation
            )
            let next = self.nextHub.wrappingAdd(1, ordering: .relaxed).oldValue
            await self.hubs[Int(UInt(bitPattern: next) % UInt(self.hubs.count))].adopt(descriptor, ticket: ticket, form: self.form)
        } catch {
            self.admissions.release(request.tenant)
            throw error
        }
    }

    /// The answer to a client's cursor. Contract §3. The log itself is asked only where memory does not know.
    /// - Throws: ``EventLogError`` when it would have to be asked and is out of reach.
    func start(for text: String?) async throws(EventLogError) -> StreamStart {
        guard let text else { return .live }
        let feed = self.fanout.feed
        if text.isEmpty {
            let bounds = try await self.history.bounds(isFresh: true)
            guard let first = bounds.firstCursor else { return .live }
            return .after(StreamGap.expired(missedBefore: first).resumptionCursor)
        }
        guard let cursor = Cursor(text), cursor.epoch == feed.epoch else { return .unknownCursor }
        if cursor.sequence >= self.feed.tail.floor, cursor.sequence <= feed.position.sequence { return .after(cursor) }
        // Perhaps from an edge whose feed is ahead, perhaps older than the tail, perhaps made up.
        let bounds = try await self.history.bounds(isFresh: cursor.sequence > feed.position.sequence)
        if cursor.epoch != bounds.epoch || cursor.sequence > bounds.lastSequence { return .unknownCursor }
        if cursor.sequence + 1 < bounds.firstSequence, let first = bounds.firstCursor {
            return .expired(missedBefore: first)
        }
        return .after(cursor)
    }

    /// The bytes of a stream that is over before it began: for clients that must not be answered with an error status.
    public func refusal(_ reason: StreamEndReason) -> [UInt8] {
        self.form.farewell(reason, retry: self.configuration.retry * Double.random(in: 0.5...1.5))
    }

    /// Refuses new streams and ends the open ones, spread over the drain window. Returns when the last is gone.
    public func drain() async {
        self.admissions.close()
        self.logger.info("drain begins", metadata: ["connections": "\(self.connectionCount)", "window": "\(self.configuration.drainWindow)"])
        await withTaskGroup(of: Void.self) { group in
            for hub in self.hubs {
                group.addTask { await hub.drainConnections(window: self.configuration.drainWindow) }
            }
        }
        self.logger.info("drain ended", metadata: ["connections": "\(self.connectionCount)"])
    }

    /// Open streams.
    public var connectionCount: Int { self.hubs.reduce(0) { $0 + $1.counters.connections.current } }

    /// Figures of all loops since the start.
    public var statistics: EdgeStatistics { EdgeStatistics(summing: self.hubs.map { $0.counters }) }
}
