import Basics
import EdgeRuntime
import EventModel

/// An encoder of server-sent events. All encode the log's standing and the stream's end in the same way. Contract §3, §4.
protocol ServerSentEventEncoder: StreamEncoder {}

extension ServerSentEventEncoder {
    func standing(_ standing: LogStanding) -> [UInt8] {
        var bytes: [UInt8] = []
        NotificationStreamEncoding.appendStanding(standing, to: &bytes)
        return bytes
    }

    func farewell(_ ending: Ending, retry: Duration?) -> [UInt8] {
        guard ending.kind.isSaidOnSSE else { return [] }
        var bytes: [UInt8] = []
        NotificationStreamEncoding.appendEnd(
            reason: ending.kind.rawValue,
            retryMilliseconds: retry.map { Int(clamping: $0.milliseconds) },
            to: &bytes
        )
        return bytes
    }
}
