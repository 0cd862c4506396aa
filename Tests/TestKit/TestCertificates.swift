/// A private certificate authority, with a certificate for 127.0.0.1 and localhost and one for a client. Needs `openssl`.
public final class TestCertificates: Sendable {
    private let directory: TemporaryDirectory

    /// The authority's certificate.
    public var caFile: String { directory.file("ca.pem") }
    /// The certificate for 127.0.0.1 and localhost.
    public var serverCertificateFile: String { directory.file("server.pem") }
    /// The key of ``serverCertificateFile``.
    public var serverKeyFile: String { directory.file("server.key") }
    /// A client's certificate.
    public var clientCertificateFile: String { directory.file("client.pem") }
    /// The key of ``clientCertificateFile``.
    public var clientKeyFile: String { directory.file("client.key") }

    /// Creates the keys and certificates, valid for a day.
    ///
    /// - Parameter serverNames: The subject alternative names of the server's certificate.
    public init(serverNames: String = "IP:127.0.0.1,DNS:localhost") async throws {
        directory = try TemporaryDirectory()
        let newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"]
        try await Self.request(
            newKey + ["-x509", "-subj", "/CN=Causeway test authority", "-keyout", directory.file("ca.key"), "-out", caFile]
        )
        for (name, usage) in [("server", "serverAuth"), ("client", "clientAuth")] {
            let extensions = ["subjectAltName=\(serverNames)", "extendedKeyUsage=\(usage)"].flatMap { ["-addext", $0] }
            let authority = ["-CA", caFile, "-CAkey", directory.file("ca.key")]
            let files = ["-keyout", directory.file("\(name).key"), "-out", directory.file("\(name).pem")]
            try await Self.request(newKey + ["-x509", "-subj", "/CN=\(name)"] + authority + extensions + files)
        }
    }

    private static func request(_ arguments: [String]) async throws {
        try await ChildProcess.run("openssl", ["req"] + arguments)
    }
}
