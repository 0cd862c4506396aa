import Basics
import EventLog
import EventModel
import HTTPAPI
import Testing

@testable import EdgeRuntime
@testable import EdgeService

@Suite("GET /connections of an edge") struct ConnectionsRouteTests {
    private static func query(_ text: String?) throws -> ConnectionQuery { try ConnectionsRoute.query(try QueryParameters(text)) }

    @Test("without parameters everything is asked for, a thousand at a time")
    func nothing() throws {
        let query = try Self.query(nil)
        #expect(query.tenant == nil && query.user == nil && query.limit == 1000 && query.place == nil)
    }

    @Test("tenant, user, limit and place are read")
    func everything() throws {
        let query = try Self.query("tenant=a%20b&user=ann&limit=7&after=1-20")
        #expect(query.tenant?.text == "a b" && query.user?.text == "ann" && query.limit == 7 && query.place.map { "\($0)" } == "1-20")
    }

    @Test(
        "what cannot be is refused, with its name",
        arguments: [
            "tenant=", "user=", "user=a&user=b", "user=%00", "limit=0", "limit=1001", "limit=x", "limit=99999999999999999999", "after=1",
        ]
    )
    func refused(_ text: String) throws {
        let error = #expect(throws: APIError.self) { try Self.query(text) }
        #expect(error?.code == .validationError && error?.message.hasPrefix("\(text.prefix { $0 != "=" })") == true)
    }

    @Test("the answer has what is known, and leaves out what is not")
    func document() throws {
        let place = Cursor(time: Timestamp(millisecondsSinceEpoch: 0), epoch: 7, sequence: 3)
        let moment = Timestamp(millisecondsSinceEpoch: 0)
        let open = ConnectionReport(
            id: "0-1-2",
            surface: "relay",
            source: .events(of: try Tenant("acme")),
            user: try UserID("ann"),
            requestID: "req_1",
            since: moment,
            start: place,
            position: place,
            lag: 4,
            filter: try TypeFilter(query: "c.*,a.b"),
            subscriptions: [TopicSubscription(topic: Topic(family: .investigation, incidentID: try IncidentID("inc_1")), after: 2)],
            bytes: 5,
            deliveries: 6,
            unacknowledged: 0,
            address: "127.0.0.1:1"
        )
        var page = ConnectionPage(open: [open], next: ConnectionQuery.Place("0-9"))
        page.interruption = "disconnected"
        let time = "1970-01-01T00:00:00.000Z"
        #expect(
            ConnectionsRoute.document(page, program: "jsonrpc-relay", instance: "01K", now: moment).text == """
                {"program":"jsonrpc-relay","instance":"01K","time":"\(time)","following":false,"interruption":"disconnected","connections":[\
                {"id":"0-1-2","surface":"relay","tenant":"acme","user":"ann","requestId":"req_1","since":"\(time)","start":"\(place)",\
                "cursor":"\(place)","lag":4,"types":["a.b","c.*"],"subscriptions":[{"family":"investigation","incidentId":"inc_1","after":2}],\
                "deliveries":6,"bytes":5,"unacknowledged":0,"address":"127.0.0.1:1"}],"closed":[],"next":"0-9"}
                """
        )
    }
}
