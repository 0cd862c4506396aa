import AccessControl
import Basics
import CausewayProducer
import EventLog
import EventModel
import HTTPAPI
import Hummingbird
import Logging
import NIOCore

/// `POST /v1/executions/agents/{name}/events` and `POST /v1/executions/workflows/{id}/events` (contract §9, §10): stores one event of an
/// execution, or an array of events, numbered in order.
///
/// A request is validated before anything is stored. Whether an execution has ended is known only when its event is stored, so such a
/// request may be stored in part; the error response says how many. A retry with ids or an `Idempotency-Key` stores the rest.
struct ExecutionIntakeRoute: Sendable {
    static let paths: [(path: RouterPath, kind: ExecutionReference.Kind)] = [
        ("/v1/executions/agents/:name/events", .agents),
        ("/v1/executions/workflows/:name/events", .workflows),
    ]

    private let sink: any ExecutionSink
    private let gate: IntakeGate

    /// - Parameter gate: shared by all routes of the process.
    init(sink: any ExecutionSink, gate: IntakeGate) {
        self.sink = sink
        self.gate = gate
    }

    /// Registers the routes on `routes`, which must authenticate.
    func register(on routes: some RouterMethods<APIRequestContext>) {
        for (path, kind) in Self.paths {
            routes.post(path) { request, context in try await self.respond(to: request, context, kind) }
        }
    }

    private func respond(to request: Request, _ context: APIRequestContext, _ kind: ExecutionReference.Kind) async throws -> Response {
        let principal = try context.requirePrincipal()
        let publisher = try Publisher(principal)
        guard try ContentMode(of: request.headers) == .native else {
            throw APIError.unsupportedMediaType(accepted: ["application/json without ce- headers"])
        }
        let key = try IdempotencyKey(request.headers).map { RequestKey(tenant: principal.tenant, user: principal.user, key: $0.text) }
        let query = try QueryParameters(of: request)
        let replaces =
            switch try query.value("replace") {
            case nil, "false": false
            case "true": true
            default: throw APIError.validation("replace: must be true or false.")
            }
        return try await gate.admit(request, from: publisher) { body in
            let drafts: [ExecutionDraft]
            let tenant: Tenant
            do throws(ValidationError) {
                drafts = try ExecutionIntake.events(Array(body.readableBytesView), of: kind)
                tenant = try Self.tenant(of: drafts, home: publisher.home)
                try Self.checkOrder(drafts)
            } catch {
                throw APIError(error)
            }
            try publisher.checkMayPublish(for: tenant)
            let reference = try context.execution(kind, of: tenant)
            let named = try drafts.enumerated().map { try $1.named(key?.eventID(at: $0), kind, trace: context.trace) }
            let bytes = named.reduce(0) { $0 + $1.payload.bytes.count }
            try gate.shares.take([tenant: IntakeShares.Use(events: named.count, bytes: bytes)])
            return (drafts: named, reference: reference)
        } storing: { taken in
            try await store(taken.drafts, under: key, taken.reference, replaces, context)
        }
    }

    /// Returns the tenant of a request's events, by default the token's. All must have the same, because they belong to one execution.
    private static func tenant(of drafts: [ExecutionDraft], home: Tenant) throws(ValidationError) -> Tenant {
        let tenant = drafts.first?.tenant ?? home
        for (index, draft) in drafts.enumerated() where (draft.tenant ?? home) != tenant {
            throw ValidationError(
                field: "[\(index)].tenant",
                message: "must be the same in all events of a request; one that names none is of the token's tenant"
            )
        }
        return tenant
    }

    /// Refuses an event of an execution that an earlier event of the request has ended.
    private static func checkOrder(_ drafts: [ExecutionDraft]) throws(ValidationError) {
        var ended: Set<ExecutionRun> = []
        for (index, draft) in drafts.enumerated() {
            guard let run = draft.run else { continue }
            guard !ended.contains(run) else {
                throw ValidationError(
                    field: "[\(index)].execution",
                    message: "must not be one that an earlier event of the request has ended"
                )
            }
            if draft.isFinal { ended.insert(run) }
        }
    }

    private func store(
        _ drafts: [ExecutionDraft],
        under key: RequestKey?,
        _ reference: ExecutionReference,
        _ replaces: Bool,
        _ context: APIRequestContext
    ) async throws(APIError) -> Response {
        let start = ContinuousClock.now
        func remaining() -> Duration { max(.milliseconds(1), gate.limits.timeout - start.duration(to: .now)) }
        var stored: [PublishedExecutionEvent] = []
        do throws(ProducerError) {
            let known = try await sink.check(drafts, of: reference, replacing: replaces, under: key, timeout: remaining())
            // A run replaces another one when it begins, not with each of its events: who has replaced it meanwhile goes on.
            var begun: Set<ExecutionRun> = []
            for (draft, known) in zip(drafts, known) {
                let isFirst = draft.run.map { !begun.contains($0) } ?? true
                if let known {
                    stored.append(known)
                } else {
                    stored.append(try await sink.publish(draft, to: reference, replacing: replaces && isFirst, timeout: remaining()))
                }
                if let run = draft.run { begun.insert(run) }
            }
        } catch {
            let index = stored.count
            let before = index > 0 ? " The \(index) events before it are stored." : ""
            // An error found before the first event is stored already has the index in its field.
            func place(_ field: String) -> String { drafts.count > 1 && index > 0 ? "[\(index)].\(field)" : field }
            if error.code == .conflict, error.field == "execution" {
                let field = drafts.count > 1 ? "[\(index)].execution" : "execution"
                throw .alreadyResolved("\(field): \(error.message)\(before)")
            }
            if let refusal = APIError(refused: error, field: place) { throw refusal }
            gate.metrics.failed()
            context.logger.warning(
                "Events of an execution could not be stored",
                metadata: [LogKey.error: "\(error)", LogKey.events: "\(drafts.count)"]
            )
            throw .notStored(error)
        }
        gate.metrics.acknowledged(executionEvents: stored, after: start.duration(to: .now))
        context.logger.info(
            "events stored",
            metadata: [
                LogKey.events: "\(stored.count)", LogKey.execution: "\(reference)", LogKey.executionID: "\(stored.last?.execution ?? "")",
                LogKey.firstEventID: "\(stored.first?.number ?? 0)", LogKey.lastEventID: "\(stored.last?.number ?? 0)",
            ]
        )
        let answer: JSONObject = [
            "accepted": .integer(stored.count),
            "execution": .string(stored.last?.execution ?? ""),
            "ids": .integers(stored.map { Int(clamping: $0.number) }),
        ]
        return .json(encoded: ByteBuffer(bytes: answer.bytes), status: .accepted)
    }
}

extension ExecutionDraft {
    /// Returns the draft with the request's trace, and with the id if it has none.
    fileprivate func named(_ id: EventID?, _ kind: ExecutionReference.Kind, trace: TraceParent?) throws -> ExecutionDraft {
        var draft = self
        if self.id == nil, let id {
            draft = try ExecutionDraft(kind: kind, type: type.name, payload: payload, run: run, id: id, time: time, tenant: tenant)
        }
        draft.trace = trace
        return draft
    }
}
