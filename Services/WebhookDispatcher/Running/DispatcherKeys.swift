import Basics
import ServiceKit
import Webhooks

extension AnyConfigurationKey {
    static let webhookAllowedNetworks = ConfigurationKey(
        "webhook.allowed.networks",
        .list,
        default: "",
        help:
            "Networks that webhooks may also be sent to, with http too, such as 10.0.0.0/8; otherwise only hosts of the public Internet, by https."
    )
    static let webhookCAFile = ConfigurationKey(
        optional: "webhook.ca.file",
        .certificateFile,
        help: "PEM file of authorities that may sign the certificates of webhook endpoints, beside the machine's."
    )
    static let webhooksPerTenant = ConfigurationKey(
        "webhooks.per.tenant",
        .integer(1...1024),
        default: "\(EndpointStore.defaultLimit)",
        help: "The most webhook endpoints of one tenant."
    )
}

extension DispatcherProcess {
    /// All configuration keys.
    static let keys: [AnyConfigurationKey] =
        ([
            .listeners(httpPort: 8086, adminPort: 9086), .nats, .eventLog, .accessControl,
            [.webhookAllowedNetworks, .webhookCAFile, .webhooksPerTenant], .rateLimits, [.corsOrigins], .logging, .tracing,
        ] as [[AnyConfigurationKey]]).flatMap(\.self)
}

extension Settings {
    /// Builds the sender's configuration from the `webhook.` keys.
    ///
    /// - Throws: ``ConfigurationError`` for an entry that is not a network.
    func webhookSenderConfiguration() throws(ConfigurationError) -> WebhookSenderConfiguration {
        do throws(ValidationError) {
            let rules = try AddressRules(allowedNetworks: self[.webhookAllowedNetworks])
            var configuration = WebhookSenderConfiguration(rules: rules, authoritiesFile: self[.webhookCAFile])
            // With fewer connections than receivers, each delivery makes one. The other half is for attempts, the bus and requests.
            configuration.limits.idleConnections = max(configuration.limits.idleConnections, (ProcessMetrics.descriptorLimit ?? 0) / 2)
            return configuration
        } catch {
            throw .configuration("\(error.field) \(error.message)")
        }
    }
}
