public import Basics
import EventModel
import FoundationEssentials

/// What one slot of a tenant holds: a message of the stream `WEBHOOKS`.
///
/// The JSON has the secrets in the clear, because deliveries are signed with them: who may read the stream may sign.
public enum EndpointRecord: Sendable, Hashable {
    /// An endpoint.
    case endpoint(Endpoint)
    /// The endpoint that was here was deleted; the slot is free.
    case deleted(EndpointID, at: Timestamp)

    /// Encodes it, always in the same bytes.
    var json: [UInt8] {
        var object: JSONObject = ["v": .integer(Self.version)]
        switch self {
        case .deleted(let id, let time):
            object.append("id", .string("\(id)"))
            object.append("deletedAt", time.value)
        case .endpoint(let endpoint):
            let settings = endpoint.settings
            object.append("id", .string("\(endpoint.id)"))
            object.append("createdAt", endpoint.createdAt.value)
            object.append("url", .string("\(settings.url)"))
            object.append("types", .strings(settings.types.patterns))
            object.append("user", text: settings.user?.text)
            object.append("ordered", .boolean(settings.isOrdered))
            object.append("description", text: settings.description)
            object.append("secret", .string(endpoint.secrets.current.revealed))
            let former = endpoint.secrets.former.map { former -> JSONObject.Value in
                .object(["secret": .string(former.secret.revealed), "until": former.until.value])
            }
            object.append("formerSecrets", .array(former))
            object.append("state", .object(Self.object(of: endpoint.state)))
            object.append("cursor", .string(endpoint.cursor.text))
            object.append("owner", text: endpoint.owner)
            if let time = endpoint.announcedAt { object.append("announcedAt", time.value) }
            if let replay = endpoint.replay {
                let value: JSONObject = [
                    "at": replay.requestedAt.value, "from": .string(replay.from.text), "to": .string(replay.to.text),
                ]
                object.append("replay", .object(value))
            }
        }
        return object.bytes
    }

    /// Decodes a record of a tenant. Nil when it is not exactly one: malformed, with unknown members, or with values that break a rule. An
    /// endpoint of a later version is not rewritten by this one without the members that it does not know.
    ///
    /// - Parameter slot: where it is; the id must name the same.
    init?(json: [UInt8], tenant: Tenant, slot: Int) {
        guard (try? JSONDocument.check(json)) != nil, let body = try? JSONDecoder().decode(Body.self, from: Data(json)),
            body.v == Self.version, let id = EndpointID(body.id), id.slot == slot, let record = body.record(id, of: tenant)
        else { return nil }
        self = record
    }

    private static let version = 1

    private static func object(of state: EndpointHealth.State) -> JSONObject {
        func object(_ name: StateName, _ trouble: EndpointHealth.Trouble) -> JSONObject {
            [
                "name": .string(name.rawValue), "since": trouble.since.value, "failures": .integer(trouble.failures),
                "retryAt": trouble.retryAt.value,
            ]
        }
        return switch state {
        case .pending(let trouble): object(.pending, trouble)
        case .failing(let trouble): object(.failing, trouble)
        case .enabled: ["name": .string(StateName.enabled.rawValue)]
        case .disabled(let reason, let time):
            ["name": .string(StateName.disabled.rawValue), "reason": .string(reason.rawValue), "at": time.value]
        }
    }

    private enum StateName: String, Codable {
        case pending, enabled, failing, disabled
    }

    /// The JSON. Members of the other case are nil.
    private struct Body: Decodable {
        struct State: Decodable {
            var name: StateName
            var since: Int64?
            var failures: Int?
            var retryAt: Int64?
            var reason: String?
            var at: Int64?

            private enum Key: String, CodingKey, CaseIterable {
                case name, since, failures, retryAt, reason, at
            }

            init(from decoder: any Decoder) throws {
                let values = try decoder.strictContainer(Key.self)
                name = try values.decode(StateName.self, forKey: .name)
                since = try values.decodePresent(Int64.self, forKey: .since)
                failures = try values.decodePresent(Int.self, forKey: .failures)
                retryAt = try values.decodePresent(Int64.self, forKey: .retryAt)
                reason = try values.decodePresent(String.self, forKey: .reason)
                at = try values.decodePresent(Int64.self, forKey: .at)
            }

            var state: EndpointHealth.State? {
                switch (name, since, failures, retryAt, reason, at) {
                case (.enabled, nil, nil, nil, nil, nil): return .enabled
                case (.disabled, nil, nil, nil, let reason?, let at?):
                    guard let reason = EndpointHealth.Reason(rawValue: reason), let time = Timestamp(valid: at) else { return nil }
                    return .disabled(reason, at: time)
                case (.pending, let since?, let failures?, let retryAt?, nil, nil),
                    (.failing, let since?, let failures?, let retryAt?, nil, nil):
                    guard (0...RetrySchedule.delays.count).contains(failures), let since = Timestamp(valid: since),
                        let retryAt = Timestamp(valid: retryAt)
                    else { return nil }
                    let trouble = EndpointHealth.Trouble(since: since, failures: failures, retryAt: retryAt)
                    return name == .pending ? .pending(trouble) : .failing(trouble)
                default: return nil
                }
            }
        }

        struct Former: Decodable {
            var secret: String
            var until: Int64

            private enum Key: String, CodingKey, CaseIterable {
                case secret, until
            }

            init(from decoder: any Decoder) throws {
                let values = try decoder.strictContainer(Key.self)
                secret = try values.decode(String.self, forKey: .secret)
                until = try values.decode(Int64.self, forKey: .until)
            }

            var former: EndpointSecrets.Former? {
                guard let secret = SigningSecret(secret), let until = Timestamp(valid: until) else { return nil }
                return EndpointSecrets.Former(secret: secret, until: until)
            }
        }

        struct Replay: Decodable {
            var at: Int64
            var from: String
            var to: String

            private enum Key: String, CodingKey, CaseIterable {
                case at, from, to
            }

            init(from decoder: any Decoder) throws {
                let values = try decoder.strictContainer(Key.self)
                at = try values.decode(Int64.self, forKey: .at)
                from = try values.decode(String.self, forKey: .from)
                to = try values.decode(String.self, forKey: .to)
            }

            var replay: Endpoint.Replay? {
                guard let at = Timestamp(valid: at), let from = Cursor(from), let to = Cursor(to) else { return nil }
                return Endpoint.Replay(requestedAt: at, from: from, to: to)
            }
        }

        var v: Int
        var id: String
        private var deletedAt: Int64?
        private var endpoint: Members?

        private struct Members {
            var createdAt: Int64
            var url: String
            var types: [String]
            var user: String?
            var ordered: Bool
            var description: String?
            var secret: String
            var formerSecrets: [Former]
            var state: State
            var cursor: String
            var owner: String?
            var announcedAt: Int64?
            var replay: Replay?
        }

        private enum Key: String, CodingKey, CaseIterable {
            case v, id, deletedAt, createdAt, url, types, user, ordered, description, secret, formerSecrets, state, cursor, owner,
                announcedAt, replay
        }

        init(from decoder: any Decoder) throws {
            let values = try decoder.strictContainer(Key.self)
            v = try values.decode(Int.self, forKey: .v)
            id = try values.decode(String.self, forKey: .id)
            if values.contains(.deletedAt) {
                deletedAt = try values.decode(Int64.self, forKey: .deletedAt)
                guard values.allKeys.count == 3 else {
                    throw DecodingError.dataCorruptedError(forKey: .deletedAt, in: values, debugDescription: "beside an endpoint")
                }
                return
            }
            endpoint = Members(
                createdAt: try values.decode(Int64.self, forKey: .createdAt),
                url: try values.decode(String.self, forKey: .url),
                types: try values.decode([String].self, forKey: .types),
                user: try values.decodePresent(String.self, forKey: .user),
                ordered: try values.decode(Bool.self, forKey: .ordered),
                description: try values.decodePresent(String.self, forKey: .description),
                secret: try values.decode(String.self, forKey: .secret),
                formerSecrets: try values.decode([Former].self, forKey: .formerSecrets),
                state: try values.decode(State.self, forKey: .state),
                cursor: try values.decode(String.self, forKey: .cursor),
                owner: try values.decodePresent(String.self, forKey: .owner),
                announcedAt: try values.decodePresent(Int64.self, forKey: .announcedAt),
                replay: try values.decodePresent(Replay.self, forKey: .replay)
            )
        }

        /// The record; nil when a value breaks a rule.
        func record(_ id: EndpointID, of tenant: Tenant) -> EndpointRecord? {
            if let deletedAt { return Timestamp(valid: deletedAt).map { .deleted(id, at: $0) } }
            guard let endpoint, let createdAt = Timestamp(valid: endpoint.createdAt), let secret = SigningSecret(endpoint.secret),
                endpoint.formerSecrets.count <= EndpointSecrets.maximumFormer, let state = endpoint.state.state,
                let cursor = Cursor(endpoint.cursor), let settings = try? settings(endpoint)
            else { return nil }
            let former = endpoint.formerSecrets.compactMap(\.former)
            guard former.count == endpoint.formerSecrets.count else { return nil }
            if let owner = endpoint.owner {
                guard (1...Endpoint.maximumOwnerBytes).contains(owner.utf8.count) else { return nil }
            }
            let announcedAt = endpoint.announcedAt.flatMap { Timestamp(valid: $0) }
            guard (announcedAt == nil) == (endpoint.announcedAt == nil) else { return nil }
            let replay = endpoint.replay.flatMap(\.replay)
            guard (replay == nil) == (endpoint.replay == nil) else { return nil }
            return .endpoint(
                Endpoint(
                    id: id,
                    tenant: tenant,
                    createdAt: createdAt,
                    settings: settings,
                    secrets: EndpointSecrets(secret, former: former),
                    state: state,
                    cursor: cursor,
                    owner: endpoint.owner,
                    announcedAt: announcedAt,
                    replay: replay
                )
            )
        }

        private func settings(_ members: Members) throws(ValidationError) -> Endpoint.Settings {
            var user: UserID?
            if let text = members.user { user = try UserID(text) }
            return try Endpoint.Settings(
                url: WebhookURL(members.url),
                types: EndpointTypes(members.types),
                user: user,
                isOrdered: members.ordered,
                description: members.description
            )
        }
    }
}

extension Timestamp {
    /// Creates an instant of the years 1970 to 9999, in which arithmetic with delays cannot overflow.
    fileprivate init?(valid milliseconds: Int64) {
        guard (0...253_402_300_799_999).contains(milliseconds) else { return nil }
        self.init(millisecondsSinceEpoch: milliseconds)
    }

    fileprivate var value: JSONObject.Value { .integer(Int(millisecondsSinceEpoch)) }
}

extension Decoder {
    /// Returns a container with no members but those of `keys`.
    fileprivate func strictContainer<Key: CodingKey & CaseIterable>(_ keys: Key.Type) throws -> KeyedDecodingContainer<Key> {
        let names = Set(keys.allCases.map(\.stringValue))
        guard try container(keyedBy: AnyKey.self).allKeys.allSatisfy({ names.contains($0.stringValue) }) else {
            throw DecodingError.dataCorrupted(.init(codingPath: codingPath, debugDescription: "unknown member"))
        }
        return try container(keyedBy: keys)
    }
}

/// Any member.
private struct AnyKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}

extension KeyedDecodingContainer {
    /// Decodes an optional member; unlike `decodeIfPresent`, `null` is not absence.
    fileprivate func decodePresent<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value? {
        contains(key) ? try decode(type, forKey: key) : nil
    }
}
