import Basics
import EventModel
import Webhooks

/// The body of a request to register an endpoint (contract §14).
struct EndpointRegistration: Sendable, Equatable {
    /// Maximum size of a body in bytes: a URL, 64 types and a description of maximum length with every character escaped.
    static let maximumBodyBytes = 80 * 1024
    private static let advice = "send url, types and perhaps description, ordered, user"

    let settings: Endpoint.Settings

    /// Parses a body.
    ///
    /// - Throws: a ``ValidationError`` that names the member.
    init(_ body: Payload) throws(ValidationError) {
        try body.checkMembers(Set(EndpointMember.settings), of: "an endpoint", advice: Self.advice)
        guard body.contains(EndpointMember.url) else {
            throw ValidationError(field: EndpointMember.url, message: "is missing; it names where events are sent")
        }
        guard body.contains(EndpointMember.types) else {
            throw ValidationError(
                field: EndpointMember.types,
                message: "is missing; it names the types of the events, like [\"incident.*\"]"
            )
        }
        var settings = try Endpoint.Settings(url: body.url(), types: body.types(), user: body.user(), isOrdered: body.isOrdered() ?? true)
        try settings.describe(body.text(EndpointMember.description))
        self.settings = settings
    }
}

/// The body of a request to change an endpoint (contract §14): what is absent stays, null removes `description` and `user`.
struct EndpointChange: Sendable, Equatable {
    private static let advice = "send url, types, description, ordered, user or enabled"

    private let url: WebhookURL?
    private let types: EndpointTypes?
    private let isOrdered: Bool?
    /// The outer nil: unchanged.
    private let description: String??
    private let user: UserID??
    private let isEnabled: Bool?

    /// Parses a body.
    ///
    /// - Throws: a ``ValidationError`` that names the member.
    init(_ body: Payload) throws(ValidationError) {
        let members = EndpointMember.settings + [EndpointMember.enabled]
        try body.checkMembers(Set(members), of: "an endpoint that can be changed", advice: Self.advice)
        guard body.memberCount > 0 else { throw ValidationError(field: "body", message: "changes nothing: \(Self.advice)") }
        url = body.contains(EndpointMember.url) ? try body.url() : nil
        types = body.contains(EndpointMember.types) ? try body.types() : nil
        isOrdered = try body.isOrdered()
        user = body.contains(EndpointMember.user) ? .some(try body.user()) : nil
        isEnabled = try body.flag(EndpointMember.enabled)
        description = body.contains(EndpointMember.description) ? .some(try body.text(EndpointMember.description)) : nil
        if let text = description ?? nil {
            try TextRule.check(text, field: EndpointMember.description, maximumBytes: Endpoint.Settings.maximumDescriptionBytes)
        }
    }

    /// Returns the URL that `endpoint` gets; nil when it keeps its own.
    func newURL(of endpoint: Endpoint) -> WebhookURL? { url == endpoint.settings.url ? nil : url }

    /// Changes an endpoint.
    ///
    /// An endpoint with another URL is another receiver: it gets nothing before it has answered a ping.
    ///
    /// - Parameter now: milliseconds since 1970 UTC.
    func apply(to endpoint: inout Endpoint, at now: Timestamp) throws(ValidationError) {
        var health = EndpointHealth(endpoint.state)
        if let url = newURL(of: endpoint) {
            endpoint.settings.url = url
            if case .disabled = endpoint.state {} else { health = EndpointHealth(registeredAt: now) }
        }
        if let types { endpoint.settings.types = types }
        if let isOrdered { endpoint.settings.isOrdered = isOrdered }
        if let user { endpoint.settings.user = user }
        if let description { try endpoint.settings.describe(description) }
        switch (isEnabled, health.state) {
        case (false?, _): health.disable(.requested, at: now)
        // Another state is as enabled as it can be: `POST …/enable` tries it at once.
        case (true?, .disabled): health.enable(at: now)
        default: break
        }
        endpoint.state = health.state
    }
}

/// The body of a request to deliver events again (contract §14).
enum ReplayStart: Sendable, Equatable {
    /// This event, and all behind it.
    case event(Cursor)
    /// The events that were stored at this time or later.
    case time(Timestamp)

    /// Maximum size of a body in bytes.
    static let maximumBodyBytes = 1024
    private static let advice = "send from, the id of an event, or since, a time"

    /// Parses a body.
    ///
    /// - Throws: a ``ValidationError`` that names the member.
    init(_ body: Payload) throws(ValidationError) {
        try body.checkMembers(["from", "since"], of: "a replay", advice: Self.advice)
        // Another value than a string is as wrong as an empty one.
        func text(_ name: String) -> String? { body.contains(name) ? body.string(name) ?? "" : nil }
        try self.init(from: text("from"), since: text("since"))
    }

    /// Parses the parameters of a query.
    ///
    /// - Throws: a ``ValidationError`` that names the parameter.
    init(from: String?, since: String?) throws(ValidationError) {
        switch (from, since) {
        case (let from?, nil): self = .event(try EventReference.parse(from, field: "from"))
        case (nil, let since?):
            guard let time = Timestamp(rfc3339: since) else {
                throw ValidationError(
                    field: "since",
                    message: "must be a time with an offset as RFC 3339 has it, like 2024-04-01T14:32:10Z"
                )
            }
            self = .time(time)
        case (nil, nil): throw ValidationError(field: "from", message: "is missing: \(Self.advice)")
        case (_?, _?): throw ValidationError(field: "since", message: "must not stand beside from: send one of them")
        }
    }
}

/// The body of a request to send one event again (contract §14).
struct EventReference: Sendable, Equatable {
    /// Maximum size of a body in bytes.
    static let maximumBodyBytes = 1024

    /// Which one.
    let id: Cursor

    /// Parses a body.
    ///
    /// - Throws: a ``ValidationError`` that names the member.
    init(_ body: Payload) throws(ValidationError) {
        let advice = "send event, the id of the event that is sent again"
        try body.checkMembers(["event"], of: "a request to send an event again", advice: advice)
        guard body.contains("event") else { throw ValidationError(field: "event", message: "is missing: \(advice)") }
        id = try Self.parse(body.string("event") ?? "", field: "event")
    }

    /// Parses the id of an event.
    fileprivate static func parse(_ text: String, field: String) throws(ValidationError) -> Cursor {
        guard let cursor = Cursor(text) else {
            throw ValidationError(field: field, message: "must be the id of an event, evt_ and 26 characters: the webhook-id of a delivery")
        }
        return cursor
    }
}

/// The names of an endpoint's members.
private enum EndpointMember {
    static let url = "url"
    static let types = "types"
    static let description = "description"
    static let ordered = "ordered"
    static let user = "user"
    static let enabled = "enabled"

    /// Those that a registration may have.
    static let settings = [url, types, description, ordered, user]
}

extension Payload {
    fileprivate func url() throws(ValidationError) -> WebhookURL {
        guard let text = string(EndpointMember.url) else { throw ValidationError(field: EndpointMember.url, message: "must be a string") }
        return try WebhookURL(text, field: EndpointMember.url)
    }

    fileprivate func types() throws(ValidationError) -> EndpointTypes {
        try EndpointTypes(texts(EndpointMember.types) ?? [], field: EndpointMember.types)
    }

    fileprivate func isOrdered() throws(ValidationError) -> Bool? { try flag(EndpointMember.ordered) }

    fileprivate func user() throws(ValidationError) -> UserID? {
        try text(EndpointMember.user).map { text throws(ValidationError) in try UserID(text, field: EndpointMember.user) }
    }

    /// A boolean member; nil when absent.
    fileprivate func flag(_ name: String) throws(ValidationError) -> Bool? {
        guard contains(name) else { return nil }
        guard let value = boolean(name) else { throw ValidationError(field: name, message: "must be true or false") }
        return value
    }
}
