import Basics
import Testing

@testable import EdgeRuntime

@Suite struct AdmissionsTests {
    @Test func theLargestTenantsAreNamed() throws {
        let admissions = Admissions(total: 0, perTenant: 3)
        for number in 0..<30 {
            let name = "t\(number)"
            let tenant = try Tenant(name)
            for _ in 0...(number % 3) { #expect(admissions.admit(tenant) == nil) }
            if number % 3 == 2 { #expect(admissions.admit(tenant) == .limit) }
        }
        let largest = admissions.largest(10)
        #expect(largest.map { $0.connections } == Array(repeating: 3, count: 10))
        #expect(largest.map { $0.tenant.text } == (0..<30).filter { $0 % 3 == 2 }.map { "t\($0)" }.sorted())
        #expect(admissions.largest(100).count == 30)
    }
}
