plugins {
    id("com.android.application") version "8.13.0"
    id("org.jetbrains.kotlin.android") version "2.2.20"
}

android {
    namespace = "textrec"
    compileSdk = 36
    defaultConfig {
        applicationId = "textrec.readwords"
        minSdk = 26
        targetSdk = 36
    }
}

kotlin {
    jvmToolchain(17)
}

dependencies {
    implementation("com.google.ai.edge.litert:litert:2.3.0")
}
