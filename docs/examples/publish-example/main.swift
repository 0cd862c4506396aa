// Publishes an event to a tenant, one to a person, and a step of an agent's execution (docs/producing.md).

import CausewayProducer
import Foundation

struct Progress: Encodable {
    var incidentId: String
    var message: String
    var agentName: String
}

var configuration = ProducerConfiguration()
configuration.nats.servers = [ProcessInfo.processInfo.environment["NATS_URL"] ?? "nats://127.0.0.1:4222"]
let producer = try await EventProducer.connect(configuration)

let progress = Progress(incidentId: "inc_1", message: "The pool is exhausted", agentName: "metrics")
let published = try await producer.publish("investigation.progress", tenant: "acme", payload: progress, id: "inc_1/step-3")
print("stored as \(published.cursor.text)")
try await producer.publishUser("notification.created", tenant: "acme", user: "ann", payload: ["id": "ntf_1", "title": "Your turn"])
try await producer.publish("progress", agent: "my-agent", tenant: "acme", payload: ["progress": 0.2])
await producer.close()
