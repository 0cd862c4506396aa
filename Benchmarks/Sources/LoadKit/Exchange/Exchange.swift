/// A request and what its answer must be.
struct Exchange: Sendable {
    let request: [UInt8]
    let status: Int
    /// Something that must be in the body, so that an answer to another question is not taken for this one's.
    let mark: String

    /// Throws unless `answer` is the one that must come.
    func check(_ answer: HTTPAnswer) throws(LoadError) {
        let body = String(decoding: answer.body, as: UTF8.self)
        guard answer.status == status else {
            throw LoadError("A request was to be answered with \(status), and \"\(answer.statusLine)\" came: \(body.prefix(256))")
        }
        guard body.contains(mark) else {
            throw LoadError("An answer is not that of its request: \(mark) is not in it, but \(body.prefix(256))")
        }
    }
}

/// What a number of exchanges took.
struct ExchangeTally: Sendable {
    /// Of each exchange: from just before the request is sent until just after the end of its answer was read.
    var latency = LatencyHistogram()
    /// From the first request to the last answer; nanoseconds.
    var wall: UInt64 = 0
}
