import TestKit
import Testing

@testable import ServiceKit

@Suite struct CertificateMetricsTests {
    /// Expires in April 2054.
    private static let first = """
        -----BEGIN CERTIFICATE-----
        MIIBbzCCARWgAwIBAgIUN4axDI/1ADBjCjHjCMA4rkDdT/8wCgYIKoZIzj0EAwIw
        DDEKMAgGA1UEAwwBdDAgFw0yNjExMjkwMTUwMDVaGA8yMDU0MDQxNjAxNTAwNVow
        DDEKMAgGA1UEAwwBdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABGJqcXX+JaBV
        icl4aYmSNCeDuDkOIbdtx3FdQ7nvdrHAr+Q8HSbz9oVj4bXgCQtP3goyxZCLOEYs
        ciJKQjmzsvCjUzBRMB0GA1UdDgQWBBStDC+iE0gzE1MWQA8n398WCbxP0jAfBgNV
        HSMEGDAWgBStDC+iE0gzE1MWQA8n398WCbxP0jAPBgNVHRMBAf8EBTADAQH/MAoG
        CCqGSM49BAMCA0gAMEUCIQCNkiauk4kkw7f040fZyqz1avcKe0WjdCNBBrE+Px/O
        GgIgWSjEqyjAgXZrjcZOUZktEQRvQ6QPhUzFGE0uDj8+y7I=
        -----END CERTIFICATE-----
        """
    /// Expires in September 2081.
    private static let second = """
        -----BEGIN CERTIFICATE-----
        MIIBbzCCARWgAwIBAgIUFCMhUupESYBV6EH6+4gRgH/z3LwwCgYIKoZIzj0EAwIw
        DDEKMAgGA1UEAwwBdDAgFw0yNjExMjkwMTUwMDVaGA8yMDgxMDkwMTAxNTAwNVow
        DDEKMAgGA1UEAwwBdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABEu1C13JJWtA
        fs1aOaeigBv/dMGFwqSyahL6tTtvQyxy2QYvUezO8Z3m+hWxxlGMq34lUz/gm2Qp
        cb0Rv+UdSx2jUzBRMB0GA1UdDgQWBBRXLk1K9gsFyt40IH+7F16+dnU0hjAfBgNV
        HSMEGDAWgBRXLk1K9gsFyt40IH+7F16+dnU0hjAPBgNVHRMBAf8EBTADAQH/MAoG
        CCqGSM49BAMCA0gAMEUCIBTo9zZFYx1UCzRj3WeWbDJ4XZjyeag4hF2FkTNNKhQp
        AiEA6Etkqt/tbtT5yjHl6r1Yh2+5MByxNM+xhbJzIbYwXXE=
        -----END CERTIFICATE-----
        """

    private let directory: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory()
    }

    private func samples(_ metrics: CertificateMetrics) -> [String] {
        var exposition = MetricsExposition()
        metrics.collect(into: &exposition)
        return exposition.text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map(String.init)
    }

    private func sample(_ setting: String, _ expiry: Int) -> String {
        "causeway_certificate_expiry_timestamp_seconds{setting=\"\(setting)\"} \(expiry)"
    }

    @Test func theFirstExpiryOfEachFileOfCertificatesIsShown() throws {
        let chain = try directory.write("# an authority\n\(Self.second)\n# another\n\(Self.first)\n", to: "chain.pem")
        let certificate = try directory.write(Self.second, to: "certificate.pem")
        let settings = try Settings(environment: [
            "NATS_TLS_CA_FILE": chain, "NATS_TLS_CERT_FILE": certificate, "NATS_TLS_KEY_FILE": certificate,
        ])
        let expected = [sample("NATS_TLS_CA_FILE", 2_659_917_005), sample("NATS_TLS_CERT_FILE", 3_523_917_005)]
        #expect(samples(CertificateMetrics(settings)) == expected)
    }

    @Test func aFileWithoutACertificateHasNoSampleUntilItHasOne() throws {
        let path = try directory.write("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", to: "certificate.pem")
        let metrics = CertificateMetrics(files: [("A_FILE", path), ("ANOTHER_FILE", directory.file("missing"))])
        #expect(samples(metrics).isEmpty && samples(metrics).isEmpty)
        try directory.write(Self.first, to: "certificate.pem")
        #expect(samples(metrics) == [sample("A_FILE", 2_659_917_005)])
        try directory.write(Self.first + "\n" + Self.second, to: "missing")
        #expect(samples(metrics) == [sample("ANOTHER_FILE", 2_659_917_005), sample("A_FILE", 2_659_917_005)])
    }
}
