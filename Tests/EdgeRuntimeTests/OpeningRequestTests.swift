import Testing

@testable import EdgeRuntime

@Suite struct OpeningRequestTests {
    @Test(
        arguments: [
            "req_01J8ZQ4V9N3W5X7Y8Z0A1B2C3D", "req_00000000000000000000000000", "req_7ZZZZZZZZZZZZZZZZZZZZZZZZZ",
            "req_01j8zq4v9n3w5x7y8z0a1b2c3d", "req_8ZZZZZZZZZZZZZZZZZZZZZZZZZ", "req_1", "01J8ZQ4V9N3W5X7Y8Z0A1B2C3D", "a", "",
        ],
        [nil, "0af7651916cd43dd8448eb211c80319c"]
    )
    func everyIDAndTraceAreKeptAsTheyAre(id: String, traceID: String?) {
        let request = OpeningRequest(id: id, traceID: traceID)
        #expect(request.id == id)
        #expect(request.traceID == traceID)
    }
}
