/// The program and its version as a metric, to be joined with others by `job` and `instance`.
enum BuildMetrics {
    static func collect(_ schema: ConfigurationSchema, into exposition: inout MetricsExposition) {
        exposition.gauge(
            "causeway_build_info",
            help: "Always 1; its labels are the program and its version.",
            1,
            labels: [("program", schema.program), ("version", schema.version)]
        )
    }
}
