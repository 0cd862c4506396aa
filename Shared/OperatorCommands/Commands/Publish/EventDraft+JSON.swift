import Basics
import EventModel

extension EventDraft {
    /// Returns the event in the native form (contract §10), with defaults for what it does not name.
    func json(tenant: String?, id: String) -> JSONObject {
        var event: JSONObject = ["type": .string(type.name), "payload": .json(payload.bytes)]
        event.append("tenant", text: self.tenant?.text ?? tenant)
        event.append("user", text: user?.text)
        event.append("id", .string(self.id?.text ?? id))
        event.append("time", text: time?.iso8601)
        return event
    }
}
