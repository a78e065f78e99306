import java.nio.file.{Files, Paths, StandardOpenOption}
import com.fasterxml.jackson.databind.ObjectMapper
import org.apache.spark.SparkConf
import org.apache.spark.sql.SparkSession
import scala.jdk.CollectionConverters._

/** What tests of Spark submit as a JAR. The first argument says what it does. */
object App {
  def main(args: Array[String]): Unit = args(0) match {
    case "job" =>
      for (n <- 1 to 3) { println(s"line $n"); Thread.sleep(args(1).toLong) }
      output("n=42")
      System.exit(args(2).toInt)
    case "echo" =>
      val conf = new SparkConf().getAll.toMap.filter(_._1.startsWith("spark.given."))
      val env = sys.env.filter(_._1.startsWith("GIVEN_"))
      val told = Map("args" -> args.toSeq.tail.asJava, "conf" -> conf.asJava, "env" -> env.asJava)
      output(new ObjectMapper().writeValueAsString(told.asJava))
    case "count" =>
      val spark = SparkSession.builder.getOrCreate()
      println("::progress 0.5 counting")
      output("{\"rows\": " + spark.range(0, 1000, 1, 2).count() + "}")
      while (args.length > 1 && !Files.exists(Paths.get(args(1)))) Thread.sleep(50)
      spark.stop()
    case "flood" =>
      val out = new java.io.PrintStream(System.out, false, "UTF-8")
      for (n <- 0 until args(1).toInt) out.println(s"$n \u00e9\u4e16\ud83e\udd86 " + "x" * 200)
      out.flush()
    case "throw" =>
      throw new IllegalStateException("cannot load", new java.io.IOException("the disk is gone"))
    case "wait" =>
      println("waiting")
      while (!Files.exists(Paths.get(args(1)))) Thread.sleep(50)
  }

  private def output(line: String): Unit =
    Files.write(
      Paths.get(sys.env("LONGSHORE_OUTPUTS")), (line + "\n").getBytes("UTF-8"),
      StandardOpenOption.CREATE, StandardOpenOption.APPEND)
}
