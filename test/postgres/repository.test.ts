/** The repository on PostgreSQL, one central alone. */
import { suite } from "../suites/repository.ts"
import { interleavings } from "../suites/repositoryInterleavings.ts"
import { alone } from "./database.ts"

suite("PostgreSQL", alone)
interleavings("PostgreSQL", alone, 100)
