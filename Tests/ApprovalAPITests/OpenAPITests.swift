import Foundation
import Testing

@testable import approval_api

@Suite struct OpenAPITests {
    @Test func theDescriptionIsJSONAndNamesEveryPath() throws {
        let document = try JSONSerialization.jsonObject(with: Data(try OpenAPIDocument.json())) as? [String: Any]
        #expect((document?["openapi"] as? String)?.hasPrefix("3.1") == true)
        let paths = try #require(document?["paths"] as? [String: Any])
        for path in [
            "/v1/events", "/v1/relay/status", "/v1/notifications", "/v1/notifications/approvals/{approvalId}", "/v1/approvals/delegations",
            "/v1/webhooks/{webhookId}/replay", "/v1/admin/connections", "/v1/admin/usage", "/v1/admin/log", "/openapi.json",
        ] {
            #expect(paths[path] != nil, "\(path)")
        }
    }
}
