import Glibc
import TestKit
import Testing

@testable import ServiceKit

/// `--check-config`: every mistake at once, and no secret.
@Suite struct SettingsCheckTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func check(_ environment: [String: String], configurationFile: String? = nil, rules: [SettingsRule]? = nil) -> SettingsCheck {
        SettingsCheck(
            schema: testSchema,
            options: [:],
            configurationFile: configurationFile,
            environment: environment,
            rules: rules ?? TestProgram.rules
        )
    }

    /// Writes a file that only its owner can read.
    private func secret(_ text: String, in name: String) throws -> String {
        let path = try directory.write(text, to: name)
        #expect(chmod(path, 0o600) == 0)
        return path
    }

    @Test func validSettingsHaveNoFindings() throws {
        let file = try secret("0123456789abcdef0123456789abcdef", in: "secret")
        let check = check(["AUTH_HS256_SECRET_FILE": file, "PATH": "/bin", "HTTP_PROXY": "http://proxy:3128"])
        #expect(check.report("test-edge") == "test-edge: the settings are valid\n")
        #expect(check.exitCode == .success)
    }

    @Test func allErrorsAreTold() {
        let check = check(["HTTP_PORT": "70000", "EVENT_LOG_MAX_AGE": "s3cr3t?", "NATS_TLS_CA_FILE": "/absent", "AUTH_HS256_SECRET": "x"])
        #expect(check.errors.count == 3 && check.exitCode == .configuration)
        for name in ["http.port", "event.log.max.age", "nats.tls.ca.file"] {
            #expect(check.errors.contains { $0.contains(name) }, "\(name)")
        }
        #expect(check.report("test-edge").hasSuffix("test-edge: 3 errors, 0 warnings\n"))
    }

    @Test func rulesBetweenSettingsAreTriedWhenEachIsValid() throws {
        #expect(check([:]).errors.count == 1, "there is no key to check tokens with")
        let secret = "0123456789abcdef0123456789abcdef"
        let broken = check(["AUTH_HS256_SECRET": secret, "NATS_USER": "me", "CORS_ORIGINS": "nonsense"])
        #expect(broken.errors.count == 2 && broken.errors.contains { $0.contains("NATS_PASSWORD") })
        let key = try directory.write("no PEM", to: "key.pem")
        #expect(check(["AUTH_PUBLIC_KEY_FILE": key]).exitCode == .configuration)
        let own = check(["AUTH_HS256_SECRET": secret], rules: [{ _ in throw ConfigurationError.configuration("the service's rule") }])
        #expect(own.errors == ["the service's rule"])
    }

    @Test func aMisspeltVariableIsAWarningWithASuggestion() {
        let check = check(["AUTH_HS256_SECRET": "0123456789abcdef0123456789abcdef", "HTTP_PROT": "1", "LOGLEVEL": "debug"])
        #expect(
            check.warnings == [
                "the environment variable HTTP_PROT is no setting of test-edge: did you mean HTTP_PORT?",
                "the environment variable LOGLEVEL is no setting of test-edge: did you mean LOG_LEVEL?",
            ]
        )
        #expect(check.exitCode == .failure)
    }

    @Test func aFormerNameIsAWarning() {
        let check = check(["AUTH_HS256_SECRET": "0123456789abcdef0123456789abcdef", "LOG_MAX_AGE": "3d"])
        let warning = "log.max.age (environment variable LOG_MAX_AGE) is now event.log.max.age: a later version refuses the former name"
        #expect(check.errors.isEmpty && check.warnings == [warning])
    }

    @Test func aSecretThatOthersCanReadIsAWarning() throws {
        let file = try secret("0123456789abcdef0123456789abcdef", in: "secret")
        let seed = try secret("s3cr3t", in: "seed")
        #expect(chmod(file, 0o644) == 0 && chmod(seed, 0o640) == 0)
        let check = check(["AUTH_HS256_SECRET_FILE": file, "NATS_NKEY_SEED_FILE": seed])
        #expect(check.errors.isEmpty && check.warnings.count == 2)
        for path in [file, seed] { #expect(check.warnings.contains { $0.hasSuffix("chmod 600 \(path)") }, "\(path)") }
        let report = check.report("test-edge")
        #expect(!report.contains("0123456789abcdef") && !report.contains("s3cr3t"))
    }

    @Test func anUnusableFileIsTheOnlyError() {
        #expect(check(["HTTP_PORT": "x"], configurationFile: "/absent.yaml").errors.count == 1)
    }
}
