import NATSClient

/// Requirements and recommended settings for the log's stream.
enum StreamRequirements {
    /// The configuration of a new stream.
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

    /// Distance that a stream must keep from sequence 2^63, the end of what a cursor can name (contract §3): years of events.
    static let sequenceReserve: UInt64 = 1 << 40

    /// Returns why a stream cannot be the log, as a message with the remedy; nil when it can.
    static func fault(of info: StreamInfo, _ configuration: EventLogConfiguration) -> String? {
        let stream = info.configuration
        let edit = "Run `nats stream edit \(stream.name)"
        if let fault = fault(of: info, taking: EventMessage.subjects, as: "the log") { return fault }
        if let source = info.sources.first {
            return sentence(
                stream,
                "the log",
                "sources has \(source)",
                "must be empty, because a message's id counts only in one stream",
                "\(edit)` and take the sources out."
            )
        }
        if stream.storage != configuration.streamStorage {
            return sentence(
                stream,
                "the log",
                "storage is \(stream.storage.rawValue)",
                "must be \(configuration.storage.rawValue), as EVENT_LOG_STORAGE says",
                "Set EVENT_LOG_STORAGE to \(stream.storage.rawValue) if that is what you want. \(replacement("the log"))"
            )
        }
        let window = stream.duplicateWindow ?? EventLogConfiguration.minimumDuplicateWindow
        if window < EventLogConfiguration.minimumDuplicateWindow {
            return sentence(
                stream,
                "the log",
                "duplicate_window is \(window)",
                "must be at least 2 minutes, because repetitions are recognised for that long",
                "\(edit) --dupe-window 2m`."
            )
        }
        if stream.maxMessagesPerSubject > 0 {
            return sentence(
                stream,
                "the log",
                "max_msgs_per_subject is \(stream.maxMessagesPerSubject)",
                "must not be set, because events of a type would push each other out",
                "\(edit) --max-msgs-per-subject=-1`."
            )
        }
        return nil
    }

    /// Returns why an existing stream cannot be the wanted side stream; nil when it can. Limits may differ.
    static func fault(of info: StreamInfo, like wanted: StreamConfiguration) -> String? {
        let use = "the stream \(wanted.name) of Causeway"
        if let fault = fault(of: info, taking: wanted.subjects, as: use) { return fault }
        guard info.configuration.discard != wanted.discard else { return nil }
        let discard = wanted.discard.rawValue
        return sentence(
            info.configuration,
            use,
            "discard is \(info.configuration.discard.rawValue)",
            wanted.discard == .old
                ? "must be old, because it has to take new messages when it is full"
                : "must be new, because it must not drop what waits for an answer",
            "Run `nats stream edit \(wanted.name) --discard \(discard)`."
        )
    }

    /// Returns why a stream cannot store or keep messages, for any use; nil when it can.
    private static func fault(of info: StreamInfo, taking subjects: [String], as use: String) -> String? {
        let stream = info.configuration
        let edit = "Run `nats stream edit \(stream.name)"
        if let mirror = info.mirror {
            return sentence(stream, use, "mirror is \(mirror)", "must not be set, because a mirror takes no messages", replacement(use))
        }
        if stream.isSealed {
            return sentence(stream, use, "sealed is true", "must be false, because a sealed stream takes no messages", replacement(use))
        }
        let missing = subjects.filter { wanted in !stream.subjects.contains { covers($0, wanted) } }
        if !missing.isEmpty {
            return sentence(
                stream,
                use,
                "subjects are \(stream.subjects.joined(separator: ", "))",
                "must include \(missing.joined(separator: " and "))",
                "\(edit) --subjects \((stream.subjects + missing).joined(separator: ","))`."
            )
        }
        if stream.retention != .limits {
            return sentence(
                stream,
                use,
                "retention is \(stream.retention.rawValue)",
                "must be limits, so that messages stay for everyone who reads later",
                replacement(use)
            )
        }
        if stream.noAcknowledgement {
            return sentence(
                stream,
                use,
                "no_ack is true",
                "must be false, because a message counts only once it is acknowledged",
                "\(edit) --ack`."
            )
        }
        if info.state.lastSequence >= 1 << 63 - sequenceReserve {
            return sentence(
                stream,
                use,
                "last sequence is \(info.state.lastSequence)",
                "must stay well below 2^63, because nobody could be sent what comes after; a purge with too large a sequence has set it",
                replacement(use)
            )
        }
        return nil
    }

    /// Returns why a stream that rejects new messages when full has no room; nil when it has room, or drops its oldest.
    ///
    /// - Parameter size: The message's size in bytes.
    static func overflow(of info: StreamInfo, by size: Int) -> String? {
        let stream = info.configuration
        guard stream.discard == .new else { return nil }
        let isFull =
            stream.maxMessages > 0 && info.state.messages >= UInt64(stream.maxMessages)
            || stream.maxBytes > 0 && stream.maxBytes - Int64(clamping: min(info.state.bytes, UInt64(stream.maxBytes))) <= Int64(size)
        guard isFull else { return nil }
        return """
            The stream \(stream.name) is full and refuses events, because its discard is new. Run `nats stream edit \(stream.name) --discard old`, \
            so that the oldest events go, or raise its limits.
            """
    }

    /// Returns settings that differ from the configuration and are tolerable.
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

    /// Returns whether every subject that matches `wanted` matches `pattern`. Both may have wildcards.
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

    /// Returns instructions for replacing a stream whose fault cannot be changed.
    private static func replacement(_ use: String) -> String {
        "An existing stream cannot be changed in this: back it up, delete it while no Causeway process runs, and \(use) is created."
    }

    /// - Parameter has: the setting and its value.
    private static func sentence(
        _ stream: StreamConfiguration,
        _ use: String,
        _ has: String,
        _ wants: String,
        _ mend: String
    ) -> String {
        "The stream \(stream.name) cannot be \(use): its \(has), but \(wants). \(mend)"
    }
}

extension EventLogConfiguration {
    var streamStorage: StreamConfiguration.Storage { storage == .file ? .file : .memory }

    /// Throws when a value is invalid.
    func validate() throws(EventLogError) {
        guard [1, 3, 5].contains(replicas) else {
            throw EventLogError(code: .rejected, message: "EVENT_LOG_REPLICAS is \(replicas), but must be 1, 3 or 5.")
        }
        guard duplicateWindow >= Self.minimumDuplicateWindow else {
            throw EventLogError(code: .rejected, message: "The duplicate window is \(duplicateWindow), but must be at least 2 minutes.")
        }
        guard maxAge.map({ $0 >= duplicateWindow }) ?? true else {
            throw EventLogError(
                code: .rejected,
                message: "EVENT_LOG_MAX_AGE must be at least 2 minutes, or the log forgets what it must recognise."
            )
        }
        guard maxBytes.map({ $0 > 0 }) ?? true else {
            throw EventLogError(code: .rejected, message: "EVENT_LOG_MAX_BYTES must be greater than 0.")
        }
    }
}
