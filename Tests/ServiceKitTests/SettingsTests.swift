import TestKit
import Testing

@testable import ServiceKit

@Suite struct SettingsTests {
    private let directory: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory()
    }

    @Test func defaultsApplyWhereNothingIsSaid() throws {
        let settings = try Settings()
        #expect(settings[.httpPort] == 8081)
        #expect(settings.source(of: .httpPort) == .defaultValue)
        #expect(settings[.httpHost] == "0.0.0.0")
        #expect(settings[.adminHost] == "127.0.0.1")
        #expect(settings[.eventLogMaxAge] == .seconds(7 * 86_400))
        #expect(settings[.eventLogMaxBytes] == 10 << 30)
        #expect(settings[.corsOrigins] == [])
        #expect(settings[.authTenantClaims] == ["tenant_id", "workspace_id", "org_id"])
        #expect(settings[.natsUser] == nil)
        #expect(settings.source(of: .natsUser) == .unset)
        #expect(settings[.logFormat] == .json)
        #expect(settings[.someRatio] == 0.5)
    }

    @Test func optionBeforeEnvironmentBeforeFileBeforeDefault() throws {
        let path = try directory.write("http: {port: 1, host: file.example}\nadmin.port: 2\ndrain.window: 3s\n", to: "settings.yaml")
        let settings = try Settings(
            ["--config", path, "--http-port", "11"],
            environment: ["HTTP_PORT": "22", "ADMIN_PORT": "33", "UNRELATED": "x"]
        )
        #expect(settings[.httpPort] == 11)
        #expect(settings.source(of: .httpPort) == .option("--http-port"))
        #expect(settings[.adminPort] == 33)
        #expect(settings.source(of: .adminPort) == .environment("ADMIN_PORT"))
        #expect(settings[.httpHost] == "file.example")
        #expect(settings[.drainWindow] == .seconds(3))
        #expect(settings.source(of: .drainWindow) == .file(path: path))
        #expect(settings.source(of: .logLevel) == .defaultValue)
    }

    @Test(arguments: [
        ["--http-port", "7", "--cors-origins", "https://a, https://b", "--some-switch"],
        ["--http-port=7", "--cors-origins=https://a,https://b", "--some-switch=true"],
        ["--http-port=6", "--http-port=7", "--some-switch=on", "--cors-origins", "https://a,https://b"],
    ])
    func optionsHaveTwoForms(_ arguments: [String]) throws {
        let settings = try Settings(arguments)
        #expect(settings[.httpPort] == 7)
        #expect(settings[.corsOrigins] == ["https://a", "https://b"])
        #expect(settings[.someSwitch])
    }

    @Test func valuesMayBeginWithADashAndContainEqualSigns() throws {
        let settings = try Settings(["--nats-user=-x", "--auth-hs256-secret=a=b=="])
        #expect(settings[.natsUser] == "-x")
        #expect(settings[.authHS256Secret] == "a=b==")
    }

    @Test(arguments: ["", nil] as [String?])
    func anEmptyVariableIsNotSet(_ value: String?) throws {
        let settings = try Settings(environment: ["HTTP_PORT": value].compactMapValues(\.self))
        #expect(settings[.httpPort] == 8081)
        #expect(settings.source(of: .httpPort) == .defaultValue)
    }

    @Test func requiredKeysStopTheStart() throws {
        let required = ConfigurationKey(required: "must.have", .text, help: "Needed.")
        let schema = ConfigurationSchema(program: "x", version: "1", summary: "", keys: [required])
        let error = #expect(throws: ConfigurationError.self) { try Settings(schema: schema) }
        #expect(error?.message == "must.have has no value: set MUST_HAVE or --must-have to a text")
        #expect(try Settings(schema: schema, environment: ["MUST_HAVE": "y"])[required] == "y")
    }

    @Test(arguments: [
        (["--http-port", "80a1"], "http.port cannot be \"80a1\" (option --http-port): use a whole number from 0 to 65535"),
        (
            ["--log-level", "loud"],
            "log.level cannot be \"loud\" (option --log-level): use trace, debug, info, notice, warning, error or critical"
        ),
        (["--event-log-storage=disk"], "event.log.storage cannot be \"disk\" (option --event-log-storage): use file or memory"),
        (
            ["--drain-window", "soon"],
            "drain.window cannot be \"soon\" (option --drain-window): use a duration from 0s to 1h, such as 500ms, 30s, 2m, 1h or 7d"
        ),
        (["--some-switch=perhaps"], "some.switch cannot be \"perhaps\" (option --some-switch): use true or false"),
        (["--some-ratio=2"], "some.ratio cannot be \"2\" (option --some-ratio): use a number from 0.0 to 1.0"),
    ])
    func aValueThatDoesNotParseIsExplained(_ arguments: [String], _ message: String) {
        #expect(refusal(arguments) == ConfigurationError(message, exitCode: .configuration))
    }

    @Test func theSourceIsNamed() throws {
        #expect(
            refusal(environment: ["ADMIN_PORT": "70000"])?.message
                == "admin.port cannot be \"70000\" (environment variable ADMIN_PORT): use a whole number from 0 to 65535"
        )
        let path = try directory.write("{\"event\": {\"log\": {\"max\": {\"bytes\": \"10 gigs\"}}}}", to: "settings.json")
        #expect(
            refusal(["--config", path])?.message
                == "event.log.max.bytes cannot be \"10 gigs\" (file \(path)): use a number of bytes from 0 to 1024TiB, such as 65536, 256KiB or 10GiB"
        )
    }

    /// A key that was renamed, by its former name.
    @Test func aFormerNameIsAcceptedByEverySourceAndTold() throws {
        let path = try directory.write("log: {max: {age: 3d}}\n", to: "former.yaml")
        let given: [(arguments: [String], environment: [String: String], source: SettingsSource)] = [
            (["--log-max-age", "3d"], [:], .option("--log-max-age")),
            ([], ["LOG_MAX_AGE": "3d"], .environment("LOG_MAX_AGE")),
            (["--config", path], [:], .file(path: path)),
        ]
        for (arguments, environment, source) in given {
            let settings = try Settings(arguments, environment: environment)
            #expect(settings[.eventLogMaxAge] == .seconds(3 * 86_400))
            #expect(settings.source(of: .eventLogMaxAge) == source)
            #expect(settings.formerNames?.hasSuffix("LOG_MAX_AGE is now EVENT_LOG_MAX_AGE (\(source))") == true)
            #expect(settings.printed.contains("\nevent.log.max.age: ") && !settings.printed.contains("\nlog.max.age"))
        }
        #expect(try Settings().formerNames == nil)
        #expect(
            refusal(environment: ["LOG_MAX_AGE": "soon"])?.message
                .hasPrefix("event.log.max.age cannot be \"soon\" (environment variable LOG_MAX_AGE)") == true
        )
    }

    @Test func thePresentNameCountsBeforeTheFormerOneOfTheSameSource() throws {
        let both = try Settings(environment: ["LOG_MAX_AGE": "3d", "EVENT_LOG_MAX_AGE": "4d"])
        #expect(both[.eventLogMaxAge] == .seconds(4 * 86_400))
        #expect(both.formerNames == nil)
        let option = try Settings(["--log-max-age=3d"], environment: ["EVENT_LOG_MAX_AGE": "4d"])
        #expect(option[.eventLogMaxAge] == .seconds(3 * 86_400))
        #expect(try Settings(environment: ["LOG_MAX_AGE": "", "EVENT_LOG_MAX_AGE": "4d"])[.eventLogMaxAge] == .seconds(4 * 86_400))
    }

    @Test(arguments: [
        (["--http-prot", "1"], "Unknown option '--http-prot'. Did you mean '--http-port'? --help lists the options"),
        (["--prnt-config"], "Unknown option '--prnt-config'. Did you mean '--print-config'? --help lists the options"),
        (["--frobnicate=1"], "Unknown option '--frobnicate'. --help lists the options"),
        (["--http.port=1"], "Unknown option '--http.port'. Did you mean '--http-port'? --help lists the options"),
        (["-x"], "Unknown option '-x'. --help lists the options"),
        (["serve"], "the command line has a word that belongs to no option: write --option value; --help lists the options"),
        (["--", "serve"], "the command line has a word that belongs to no option: write --option value; --help lists the options"),
        (["--http-port"], "Missing value for '--http-port <NUMBER>'"),
        (["--http-port", "--admin-port=1"], "Missing value for '--http-port <NUMBER>'"),
        (["--nats-user", "-x"], "Missing value for '--nats-user <TEXT>'"),
        (["--config"], "Missing value for '--config <FILE>'"),
    ])
    func anOptionThatDoesNotExistIsExplained(_ arguments: [String], _ message: String) {
        #expect(mistake(arguments) == message)
    }

    /// A secret may be where no secret belongs: without its option, or where an option ends.
    @Test(arguments: [
        ["c0rr3ct-b4tt3ry"], ["--nats-password", "a", "c0rr3ct-b4tt3ry"], ["--c0rr3ct-b4tt3ry"], ["-c0rr3ct-b4tt3ry"],
        ["--nats-passwordc0rr3ct-b4tt3ry"], ["--print-config=c0rr3ct-b4tt3ry"], ["-=c0rr3ct-b4tt3ry"],
    ])
    func aMistakeNeverRepeatsASecret(_ arguments: [String]) throws {
        let message = try #require(mistake(arguments))
        #expect(!message.contains("c0rr3ct-b4tt3ry") && !message.isEmpty, "\(message)")
    }

    @Test(arguments: ["--auth-hs256-secret", "--nats-password"])
    func aSecretIsNeverShownInARefusal(_ option: String) throws {
        let error = try #require(refusal([option, "s3cr3t\0s3cr3t"]))
        #expect(!error.message.contains("s3cr3t"))
        #expect(error.message.contains(option))
    }
}
