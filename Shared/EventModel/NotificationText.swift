/// The text of an event in the notification list (contract §8).
public struct NotificationText: Sendable, Hashable {
    /// A few words.
    public let title: String
    /// A sentence or two; may be empty.
    public let body: String
}

/// The templates of a type's notifications.
struct NotificationWording: Sendable {
    /// The title. An empty one is replaced by the name of the type.
    let title: NotificationTemplate
    /// The body.
    let body: NotificationTemplate

    /// Renders the texts for an event.
    func text(of event: Event) -> NotificationText {
        let title = title.text(event.payload)
        return NotificationText(title: title.isEmpty ? event.type.name : title, body: body.text(event.payload))
    }
}
