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
/// The front authenticates and reads the request; ``admit(tenant:)`` and ``adopt(_:request:)`` make a stream of it. From
/// then on it lives on a delivery loop. Until ``begin(log:feed:fanout:)``, and whenever the feed is not live, nobody is admitted.
public final class Edge: Sendable {
    /// What streams are served from.
    private struct Source: Sendable {
        let feed: LogFeed
        let fanout: Fanout
        let history: History
        let hubs: [LoopHub]
    }

    public let configuration: EdgeConfiguration
    private let form: any WireForm
    private let source = Mutex<Source?>(nil)
    private let admissions: Admissions
    private let nextHub = Atomic<Int>(0)
    private let logger: Logger

    /// An edge that has nothing to serve yet.
    public init(configuration: EdgeConfiguration, form: any WireForm, logger: Logger) {
        self.configuration = configuration
        self.form = form
        self.admissions = Admissions(total: configuration.maxConnections, perTenant: configuration.maxConnectionsPerTenant)
        self.logger = logger
    }

    /// Starts the delivery loops. Once in the life of an edge.
    /// - Parameter fanout: Must be the observer of `feed`.
    /// - Throws: ``SystemCallError`` when the process may not open more descriptors.
    public func begin(log: any LogReading, feed: LogFeed, fanout: Fanout) throws(SystemCallError) {
        let history = History(log: log, tail: feed.tail, chunkBytes: self.configuration.chunkBytes, now: MonotonicInstant.now)
        var hubs: [LoopHub] = []
        for index in 0..<max(1, self.configuration.deliveryLoops) {
            let loop = try DeliveryLoop()
            let hub = LoopHub(
                loop: loop,
                fanout: fanout,
                tail: feed.tail,
                history: history,
                configuration: self.configuration,
                logger: self.logger,
                connectionEnded: { [admissions] in admissions.release($0) }
            )
            loop.start(name: "delivery-\(index)", delegate: hub)
            hubs.append(hub)
        }
        let source = Source(feed: feed, fanout: fanout, history: history, hubs: hubs)
        self.source.withLock { $0 = source }
    }

    /// A place for one stream of `tenant`, or why there is none. A place that is not used must be given back with
    /// ``withdraw(tenant:)``.
    public func admit(tenant: Tenant) -> StreamEndReason? {
        guard self.isFollowing else { return self.admissions.isClosed ? .draining : .unavailable }
        return self.admissions.admit(tenant)
    }

    /// Gives back a place from ``admit(tenant:)``.
    public func withdraw(tenant: Tenant) { self.admissions.release(tenant) }

    /// Whether streams can be served: the log is followed live.
    public var isFollowing: Bool { self.source.withLock { $0 }?.feed.isFollowing ?? false }

    /// Hands an accepted connection to a delivery loop. After it `channel` is closed for NIO, and the admission goes with
    /// the connection; on an error the admission is given back.
    /// - Throws: ``EventLogError``, with the channel untouched, when the log had to be asked where the stream begins and
    ///   is out of reach; else whatever made the connection unusable.
    public func adopt(_ channel: any Channel, request: StreamRequest) async throws {
        do {
            guard let source = self.source.withLock({ $0 }) else { throw EventLogError.unavailable("The log is not open yet.") }
            let generation = source.fanout.feed.position.generation
            let start = try await Self.start(for: request.cursor, source: source)
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
            await source.hubs[Int(UInt(bitPattern: next) % UInt(source.hubs.count))].adopt(descriptor, ticket: ticket, form: self.form)
        } catch {
            self.admissions.release(request.tenant)
            throw error
        }
    }

    /// The answer to a client's cursor. Contract §3. The log itself is asked only where memory does not know.
    /// - Throws: ``EventLogError`` when it would have to be asked and is out of reach.
    private static func start(for text: String?, source: Source) async throws(EventLogError) -> StreamStart {
        guard let text else { return .live }
        let feed = source.fanout.feed
        let cursor = Cursor(text)
        if let cursor, cursor.epoch == feed.epoch, cursor.sequence >= source.feed.tail.floor, cursor.sequence <= feed.position.sequence {
            return .after(cursor)
        }
        // Perhaps from an edge whose feed is ahead, perhaps older than the tail, perhaps made up.
        let isBehind = cursor.map { $0.sequence <= feed.position.sequence } ?? false
        let bounds = try await source.history.bounds(isFresh: !isBehind)
        switch CursorResolution(text, bounds: bounds) {
        case .liveOnly: return .live
        case .oldest(let after):
            return .after(Cursor(time: bounds.firstCursor?.time ?? feed.time, epoch: bounds.epoch, sequence: after))
        case .resume(let after):
            return .after(Cursor(time: cursor?.time ?? feed.time, epoch: bounds.epoch, sequence: after))
        case .expired(let missedBefore, _): return .expired(missedBefore: missedBefore)
        case .unknown: return .unknownCursor
        }
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

    private var hubs: [LoopHub] { self.source.withLock { $0 }?.hubs ?? [] }

    /// Open streams.
    public var connectionCount: Int { self.hubs.reduce(0) { $0 + $1.counters.connections.current } }

    /// Figures of all loops since the start.
    public var statistics: EdgeStatistics { EdgeStatistics(summing: self.hubs.map { $0.counters }) }
}
