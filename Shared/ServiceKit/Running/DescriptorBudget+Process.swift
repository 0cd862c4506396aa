package import Basics
import FoundationEssentials

extension DescriptorBudget {
    /// Descriptors that no client of the public listener gets, beyond those that the process has open when it starts: for the admin listener
    /// (``AdminServer/maxConnections``), connections on their way in and out (``slack``), the bus, keys, files and the log.
    static let reserve = 128
    /// Descriptors that each core takes: of an event loop three, of a delivery loop two, and some for SQLite's readers.
    static let reservePerCore = 8

    /// What the public listener may take of the process's open files.
    ///
    /// The limit is read for each connection; what the process itself has open is counted now.
    static func ofProcess() -> DescriptorBudget {
        let own = ProcessMetrics.openDescriptors() ?? 16
        let reserve = Self.reserve + Self.reservePerCore * ProcessInfo.processInfo.activeProcessorCount + own
        return DescriptorBudget { Self.places(ofLimit: ProcessMetrics.descriptorLimit, reserve: reserve) }
    }

    /// The places that a limit of open files leaves to clients: a quarter of it at least, for limits that are smaller than the reserve.
    ///
    /// - Parameter limit: nil when it cannot be said.
    static func places(ofLimit limit: Int?, reserve: Int) -> Int {
        guard let limit, limit < 1 << 30 else { return 1 << 30 }
        return max(limit / 4, limit - reserve)
    }

    /// How many streams may be open at most: some places are left, so that a client that is turned away can be judged and told why.
    package var streamLimit: Int { max(1, limit - max(8, limit / 16)) }
}
