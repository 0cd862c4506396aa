import FoundationEssentials
import SwiftASN1
import X509

/// A PEM file with certificates.
package enum CertificateFile {
    /// Returns when the first of a file's certificates expires, in seconds since 1970; nil if it has none that can be read.
    package static func expiry(_ pem: String) -> Double? {
        let certificates = PEMBlock.blocks(pem).filter(\.isCertificate).compactMap { try? Certificate(pemEncoded: $0.text) }
        return certificates.map { $0.notValidAfter.timeIntervalSince1970 }.min()
    }
}
