import Foundation
import Synchronization
import Testing

@testable import ServiceKit

@Suite struct ReadinessTests {
    private let readiness = Readiness()

    @Test func everyConditionMustHold() {
        #expect(readiness.report.isReady)
        readiness.set("bus", .notReady("connecting"))
        readiness.set("log", .ready)
        #expect(!readiness.report.isReady)
        #expect(readiness.report.conditions.map(\.name) == ["bus", "log"])
        #expect(readiness.report.conditions[0].status == .notReady("connecting"))
        readiness.set("bus", .ready)
        #expect(readiness.report.isReady)
    }

    @Test func observedConditionsAreLookedAtEachTime() {
        let isUp = Atomic(false)
        let box = Box(isUp)
        readiness.observe("bus") { box.isUp.load(ordering: .relaxed) ? .ready : .notReady("down") }
        #expect(!readiness.report.isReady)
        box.isUp.store(true, ordering: .relaxed)
        #expect(readiness.report.isReady)
    }

    @Test func drainingIsFinal() {
        readiness.set("bus", .ready)
        readiness.beginDraining()
        readiness.set("bus", .ready)
        #expect(readiness.isDraining)
        #expect(!readiness.report.isReady)
    }

    @Test func theReportIsJSON() throws {
        readiness.set("bus", .notReady("no \"server\"\nat all"))
        readiness.set("log", .ready)
        readiness.note("log.replicas", "1")
        #expect(
            String(decoding: readiness.report.json, as: UTF8.self)
                == "{\"status\":\"not_ready\",\"conditions\":[{\"name\":\"bus\",\"ready\":false,\"reason\":\"no \\\"server\\\"\\nat all\"},"
                + "{\"name\":\"log\",\"ready\":true}],\"notes\":{\"log.replicas\":\"1\"}}\n"
        )
        readiness.beginDraining()
        #expect(String(decoding: readiness.report.json, as: UTF8.self).hasPrefix("{\"status\":\"draining\","))
        #expect(String(decoding: Readiness().report.json, as: UTF8.self) == "{\"status\":\"ready\",\"conditions\":[]}\n")
    }

    private final class Box: Sendable {
        let isUp: Atomic<Bool>
        init(_ isUp: consuming Atomic<Bool>) { self.isUp = isUp }
    }
}
