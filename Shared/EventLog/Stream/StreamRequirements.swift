import NATSClient

/// What a stream must be to be the log, and what it should be.
enum StreamRequirements {
    /// The stream as it is created.
    static func stream(_ configuration: EventLogConfiguration) -> StreamConfiguration {
        var stream = StreamConfiguration(name: configuration.streamName, subjects: EventMessage.subjects)
        stream.description = "Causeway: the log of every tenant's events"
        stream.storage = configuration.streamStorage
        stream.replicas = configuration.replicas
        stream.maxAge = configuration.maxAge ?? .zero
        stream.maxBytes = configuration.maxBytes ?? -1
        stream.duplicateWindow = configuration.duplicateWindow
        stream.allowDirect = true
        return stream
    }

    /// Why a stream cannot be the log, as a sentence that says how to mend it; nil when it can.
    static func fault(of info: StreamInfo, _ configuration: EventLogConfiguration) -> String? {
        let stream = info.configuration
        let edit = "Run `nats stream edit \(stream.name)"
        let replace =
            "An existing stream cannot be changed in this: back it up, delete it while no Causeway process runs, and the log is created."
        if let mirror = info.mirror {
            return sentence(stream, "mirror", "is \(mirror)", "must not be set, because a mirror takes no events", replace)
        }
        if let source = info.sources.first {
            return sentence(
                stream,
                "sources",
                "has \(source)",
                "must be empty, because a message's id counts only in one stream",
                "\(edit)` and take the sources out."
            )
        }
        if stream.isSealed {
            return sentence(stream, "sealed", "is true", "must be false, because a sealed stream takes no events", replace)
        }
        let missing = EventMessage.subjects.filter { wanted in !stream.subjects.contains { covers($0, wanted) } }
        if !missing.isEmpty {
            let subjects = (stream.subjects + missing).joined(separator: ",")
            return sentence(
                stream,
                "subjects",
                "are \(stream.subjects.joined(separator: ", "))",
                "must include \(missing.joined(separator: " and "))",
                "\(edit) --subjects \(subjects)`."
            )
        }
        if stream.retention != .limits {
            return sentence(
                stream,
                "retention",
                "is \(stream.retention.rawValue)",
                "must be limits, so that events stay for everyone who resumes",
                replace
            )
        }
        if stream.storage != configuration.streamStorage {
            return sentence(
                stream,
                "storage",
                "is \(stream.storage.rawValue)",
                "must be \(configuration.storage.rawValue), as LOG_STORAGE says",
                "Set LOG_STORAGE to \(stream.storage.rawValue) if that is what you want. \(replace)"
            )
        }
        if stream.noAcknowledgement {
            return sentence(
                stream,
                "no_ack",
                "is true",
                "must be false, because an event counts only once it is acknowledged",
                "\(edit) --ack`."
            )
        }
        let window = stream.duplicateWindow ?? EventLogConfiguration.minimumDuplicateWindow
        if window < EventLogConfiguration.minimumDuplicateWindow {
            return sentence(
                stream,
                "duplicate_window",
                "is \(window)",
                "must be at least 2 minutes, because repetitions are recognised for that long",
                "\(edit) --dupe-window 2m`."
            )
        }
        if stream.maxMessagesPerSubject > 0 {
            return sentence(
                stream,
                "max_msgs_per_subject",
                "is \(stream.maxMessagesPerSubject)",
                "must not be set, because events of a type would push each other out",
                "\(edit) --max-msgs-per-subject=-1`."
            )
        }
        return nil
    }

    /// Settings that differ from what is configured without making the stream unfit.
    static func differences(of info: StreamInfo, from configuration: EventLogConfiguration) -> [String] {
        let stream = info.configuration
        let wanted = self.stream(configuration)
        var differences: [String] = []
        func compare<Value: Equatable>(_ name: String, _ path: KeyPath<StreamConfiguration, Value>, _ show: (Value) -> String) {
            let (has, wants) = (stream[keyPath: path], wanted[keyPath: path])
            if has != wants { differences.append("\(name) is \(show(has)), configured is \(show(wants))") }
        }
        compare("max_age", \.maxAge) { $0 == .zero ? "unlimited" : "\($0)" }
        compare("max_bytes", \.maxBytes) { $0 < 0 ? "unlimited" : "\($0)" }
        compare("max_msgs", \.maxMessages) { $0 < 0 ? "unlimited" : "\($0)" }
        compare("max_msg_size", \.maxMessageSize) { $0 < 0 ? "unlimited" : "\($0)" }
        compare("num_replicas", \.replicas) { "\($0)" }
        compare("discard", \.discard) { $0.rawValue }
        return differences
    }

    /// Whether every subject that matches `wanted` matches `pattern`. Both are subjects with wildcards.
    static func covers(_ pattern: String, _ wanted: String) -> Bool {
        let patterns = pattern.split(separator: ".", omittingEmptySubsequences: false)
        let tokens = wanted.split(separator: ".", omittingEmptySubsequences: false)
        for (index, part) in patterns.enumerated() {
            if part == ">" { return index < tokens.count }
            guard index < tokens.count, tokens[index] != ">" else { return false }
            if part != "*", part != tokens[index] { return false }
        }
        return patterns.count == tokens.count
    }

    private static func sentence(
        _ stream: StreamConfiguration,
        _ setting: String,
        _ has: String,
        _ wants: String,
        _ mend: String
    ) -> String {
        "The stream \(stream.name) cannot be the log: its \(setting) \(has), but \(wants). \(mend)"
    }
}

extension EventLogConfiguration {
    var streamStorage: StreamConfiguration.Storage { storage == .file ? .file : .memory }

    /// Throws when a value cannot be meant.
    func validate() throws(EventLogError) {
        guard [1, 3, 5].contains(replicas) else {
            throw EventLogError(code: .rejected, message: "LOG_REPLICAS is \(replicas), but must be 1, 3 or 5.")
        }
        guard duplicateWindow >= Self.minimumDuplicateWindow else {
            throw EventLogError(code: .rejected, message: "The duplicate window is \(duplicateWindow), but must be at least 2 minutes.")
        }
        guard maxAge.map({ $0 >= duplicateWindow }) ?? true else {
            throw EventLogError(
                code: .rejected,
                message: "LOG_MAX_AGE must be at least 2 minutes, or the log forgets what it must recognise."
            )
        }
        guard maxBytes.map({ $0 > 0 }) ?? true else {
            throw EventLogError(code: .rejected, message: "LOG_MAX_BYTES must be greater than 0.")
        }
    }
}
