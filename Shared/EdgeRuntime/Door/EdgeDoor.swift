package import Basics
import HTTPFront
package import Logging
package import NIOCore
import Synchronization

/// Accepts connections on the edge's delivery loops, each on its listening socket at the same address. Design: "The door".
package final class EdgeDoor: ConnectionDoor {
    private let edge: Edge
    private let surface: any DoorSurface
    private let logger: Logger
    private let doors = Mutex<[LoopDoor]>([])

    /// - Parameter surface: validates the requests of accepted connections.
    package init(_ edge: Edge, surface: any DoorSurface, logger: Logger) {
        self.edge = edge
        self.surface = surface
        self.logger = logger
    }

    package func open(
        host: String,
        port: Int,
        backlog: Int32,
        budget: DescriptorBudget,
        handOver: @escaping @Sendable (Int32) -> Void
    ) throws -> SocketAddress {
        let hosts = try self.edge.loopHosts()
        let (listeners, address) = try ListeningSocket.open(hosts.count, host: host, port: port, backlog: backlog)
        let doors = zip(hosts, listeners).map { host, listener in
            let door = LoopDoor(
                on: host.loop,
                listener: listener,
                edge: self.edge,
                surface: self.surface,
                budget: budget,
                handOver: handOver,
                logger: self.logger
            )
            host.door = door
            return door
        }
        self.doors.withLock { $0 = doors }
        for door in doors { Task { await door.start() } }
        return address
    }

    package func close() async {
        let doors = self.doors.withLock { doors in
            defer { doors = [] }
            return doors
        }
        for door in doors { await door.close() }
    }
}
