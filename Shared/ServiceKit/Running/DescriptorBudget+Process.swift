package import Basics
import FoundationEssentials

extension DescriptorBudget {
    /// Descriptors that clients of the public listener do not get, in addition to those open at the start: for the admin listener
    /// (``AdminServer/maxConnections``), connections that are being accepted or closed (``slack``), the bus, keys, files and the log.
    static let reserve = 128
    /// Descriptors reserved per core: three of an event loop, two of a delivery loop, and some for SQLite's readers.
    static let reservePerCore = 8

    /// Returns the public listener's share of the process's open files.
    ///
    /// Reads the limit for each connection; counts the process's own descriptors once, now.
    static func ofProcess() -> DescriptorBudget {
        let own = ProcessMetrics.openDescriptors() ?? 16
        let reserve = Self.reserve + Self.reservePerCore * ProcessInfo.processInfo.activeProcessorCount + own
        return DescriptorBudget { Self.places(ofLimit: ProcessMetrics.descriptorLimit, reserve: reserve) }
    }

    /// Returns how many connections of clients fit into a limit of open files: at least a quarter of the limit, even if that is below the reserve.
    ///
    /// - Parameter limit: nil when unknown.
    static func places(ofLimit limit: Int?, reserve: Int) -> Int {
        guard let limit, limit < 1 << 30 else { return 1 << 30 }
        return max(limit / 4, limit - reserve)
    }

    /// Maximum number of open streams. Some connections stay free, so that a client beyond it still gets a response with the reason.
    package var streamLimit: Int { max(1, limit - max(8, limit / 16)) }
}
