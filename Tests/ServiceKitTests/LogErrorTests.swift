import EventLog
import HTTPAPI
import HTTPTypes
import ServiceKit
import Testing

@Suite("Failures of the log as responses")
struct LogErrorTests {
    @Test(
        "503 is for what can succeed later",
        arguments: [
            (.unavailable, .serviceUnavailable), (.timeout, .serviceUnavailable), (.full, .serviceUnavailable),
            (.cancelled, .serviceUnavailable),
            (.closed, .serviceUnavailable), (.tooLarge, .payloadTooLarge), (.rejected, .internal), (.incompatibleStream, .internal),
            (.unsupportedServer, .internal), (.notWritable, .internal),
        ] as [(EventLogError.Code, APIError.Code)]
    )
    func log(_ code: EventLogError.Code, _ expected: APIError.Code) {
        let error = APIError(EventLogError(code: code, message: "The limit is 64 KiB."))
        #expect(error.code == expected)
        #expect((error.headers[.retryAfter] != nil) == expected.isRetriable)
        #expect(error.message.contains("64 KiB") == (expected == .payloadTooLarge))
    }
}
