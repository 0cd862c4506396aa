import Basics
import Foundation
import TestKit
import Testing

@testable import approval_api

/// Pages of connections that are made of the answers of several edges.
@Suite("Connections of a deployment") struct ConnectionsViewTests {
    /// An edge's answer with these open connections, by their slots, and closed ones, by the seconds of their ends.
    private static func edge(
        _ instance: String,
        open: [Int] = [],
        closed: [Int] = [],
        next: String? = nil,
        tenant: String = "acme"
    ) throws -> (instance: String, answer: EdgeAnswer) {
        func connection(_ id: String, _ more: String = "") -> String {
            #"""
            {"id":"\#(id)","surface":"relay","tenant":"\#(tenant)","user":"ann","requestId":"r","since":"s","start":"a","cursor":"b","lag":2,
            "deliveries":1,"bytes":9\#(more)}
            """#
        }
        let ended = closed.map { connection("0-\($0)-9", #","until":"2023-01-01T00:00:0\#($0).000Z","cause":"stalled""#) }
        let text = #"""
            {"program":"sse-edge","time":"t","following":true,"position":"p","closedSince":"2023-01-01T00:00:00.000Z",
            "connections":[\#(open.map { connection("0-\($0)-0") }.joined(separator: ","))],"closed":[\#(ended.joined(separator: ","))]
            \#(next.map { #","next":"\#($0)""# } ?? "")}
            """#
        return (instance, try JSONDecoder().decode(EdgeAnswer.self, from: Data(text.utf8)))
    }

    private static func view(_ edges: [(instance: String, answer: EdgeAnswer)], limit: Int = 10, complete: Bool = true) -> ConnectionsView {
        ConnectionsView(Survey.Outcome(answers: edges, isComplete: complete, silent: []), tenant: "acme", limit: limit)
    }

    private static func places(_ view: ConnectionsView) -> [String] { view.items.map { "\($0.instance ?? "")/\($0.id)" } }

    @Test("the connections of all edges are one list, in the order of the edges")
    func merged() throws {
        let view = Self.view([try Self.edge("A", open: [1, 5]), try Self.edge("B"), try Self.edge("C", open: [0])])
        #expect(Self.places(view) == ["A/0-1-0", "A/0-5-0", "C/0-0-0"] && view.nextCursor == nil)
        #expect(view.edges.map(\.instance) == ["A", "B", "C"])
    }

    @Test("a full page goes on with the first connection that has no place in it")
    func full() throws {
        let edges = [try Self.edge("A", open: [1, 5]), try Self.edge("C", open: [0, 2])]
        #expect(Self.view(edges, limit: 1).nextCursor == "A.0-5")
        #expect(Self.view(edges, limit: 2).nextCursor == "C.0-0")
        #expect(Self.view(edges, limit: 3).nextCursor == "C.0-2")
        #expect(Self.view(edges, limit: 4).nextCursor == nil)
    }

    @Test("an edge with more than its answer holds comes before those behind it")
    func cutByAnEdge() throws {
        let view = Self.view([try Self.edge("A", open: [1], next: "0-7"), try Self.edge("B", open: [0])])
        #expect(Self.places(view) == ["A/0-1-0"] && view.nextCursor == "A.0-7")
    }

    @Test("connections of another tenant are never in an answer, whatever an edge says")
    func foreign() throws {
        let view = Self.view([try Self.edge("A", open: [1], closed: [1], tenant: "globex"), try Self.edge("B", open: [2])])
        #expect(Self.places(view) == ["B/0-2-0"] && view.closed.isEmpty)
    }

    @Test("closed connections come newest first, and edges say since when none is missing")
    func closed() throws {
        let edges = [try Self.edge("A", closed: [5, 3]), try Self.edge("B", closed: [4, 1])]
        let whole = Self.view(edges)
        #expect(whole.closed.map(\.id) == ["0-5-9", "0-4-9", "0-3-9", "0-1-9"])
        #expect(whole.edges.allSatisfy { $0.closedSince == "2023-01-01T00:00:00.000Z" })
        let cut = Self.view(edges, limit: 2)
        #expect(cut.closed.map(\.id) == ["0-5-9", "0-4-9"])
        #expect(cut.edges.allSatisfy { $0.closedSince == "2023-01-01T00:00:03.000Z" })
    }

    @Test("the answer has null for the cursor of the last page")
    func json() throws {
        let text = String(decoding: try JSONEncoder().encode(Self.view([], complete: false)), as: UTF8.self)
        #expect(text.contains(#""nextCursor":null"#) && text.contains(#""complete":false"#) && text.contains(#""items":[]"#))
    }
}
