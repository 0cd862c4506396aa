import AccessControl
import Basics
import Synchronization

/// Metrics of the certificates in the files that settings name. Reads a file again when it has changed. Any thread.
final class CertificateMetrics: Sendable {
    private struct Known {
        let status: FileStatus
        let expiry: Double?
    }

    private let files: [(setting: String, path: String)]
    private let known = Mutex<[String: Known]>([:])

    /// - Parameter files: the name of each setting, and its file.
    init(files: [(setting: String, path: String)]) {
        self.files = files
    }

    /// Selects the settings that name files with certificates.
    convenience init(_ settings: Settings) {
        self.init(
            files: settings.all.compactMap { entry in
                guard entry.key.format.file == .certificates, let path = entry.value?.text else { return nil }
                return (entry.key.environmentName, path)
            }
        )
    }

    /// Adds when the first certificate of each file expires; omits a file without a certificate that can be read.
    func collect(into exposition: inout MetricsExposition) {
        for (setting, path) in files {
            guard let expiry = expiry(of: path) else { continue }
            exposition.gauge(
                "causeway_certificate_expiry_timestamp_seconds",
                help: "When the first certificate of the file that a setting names expires, in seconds since 1970.",
                expiry,
                labels: [("setting", setting)]
            )
        }
    }

    private func expiry(of path: String) -> Double? {
        guard let status = FileStatus(of: path) else { return nil }
        if let known = known.withLock({ $0[path] }), known.status == status { return known.expiry }
        let content = try? BoundedFile.read(path, maximumBytes: ConfigurationFile.maximumBytes)
        let expiry = content.flatMap { CertificateFile.expiry(String(decoding: $0, as: UTF8.self)) }
        known.withLock { $0[path] = Known(status: status, expiry: expiry) }
        return expiry
    }
}
